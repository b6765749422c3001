/*
 * Opens the cryptography of one received network PDU of 29 octets with OpenSSL's EVP
 * interface, for test/bench/openssl: the header (AES of one block), the network layer
 * (AES-CCM, 18 octets, MIC of 4) and an access message (AES-CCM, 11 octets, MIC of 4).
 * Keys are set once. Prints the nanoseconds of the fastest of ROUNDS rounds.
 *
 *   cc -O2 openssl.c -lcrypto && ./a.out ITERATIONS ROUNDS
 */
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MIC = 4, NONCE = 13, LOWER = 18, ACCESS = 11 };

static void must(int ok, const char *what)
{
	if (ok != 1) {
		fprintf(stderr, "OpenSSL: %s failed\n", what);
		exit(1);
	}
}

static EVP_CIPHER_CTX *ccm(const uint8_t *key, int encrypt)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	must(c != NULL, "EVP_CIPHER_CTX_new");
	must(EVP_CipherInit_ex(c, EVP_aes_128_ccm(), NULL, NULL, NULL, encrypt), "CCM");
	must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, NONCE, NULL), "nonce of 13 octets");
	must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, MIC, NULL), "MIC of 4 octets");
	must(EVP_CipherInit_ex(c, NULL, NULL, key, NULL, encrypt), "key");
	return c;
}

/* seal writes n octets and their MIC to out. */
static void seal(const uint8_t *key, const uint8_t *nonce, const uint8_t *in, int n, uint8_t *out)
{
	EVP_CIPHER_CTX *c = ccm(key, 1);
	int got;
	must(EVP_EncryptInit_ex(c, NULL, NULL, NULL, nonce), "nonce");
	must(EVP_EncryptUpdate(c, NULL, &got, NULL, n), "length");
	must(EVP_EncryptUpdate(c, out, &got, in, n), "encryption");
	must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, MIC, out + n), "MIC");
	EVP_CIPHER_CTX_free(c);
}

static void open_ccm(EVP_CIPHER_CTX *c, const uint8_t *nonce, uint8_t *in, int n, uint8_t *out)
{
	int got;
	must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, MIC, in + n), "MIC");
	must(EVP_DecryptInit_ex(c, NULL, NULL, NULL, nonce), "nonce");
	must(EVP_DecryptUpdate(c, NULL, &got, NULL, n), "length");
	must(EVP_DecryptUpdate(c, out, &got, in, n), "MIC");
}

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: %s ITERATIONS ROUNDS\n", argv[0]);
		return 2;
	}
	long iterations = atol(argv[1]), rounds = atol(argv[2]);
	uint8_t network_key[16] = {1}, application_key[16] = {2}, privacy_key[16] = {3};
	uint8_t nonce[NONCE] = {0, 5}, upper_nonce[NONCE] = {1};
	uint8_t message[ACCESS] = {0x82, 0x04}, upper[3 + ACCESS + MIC] = {0xC0, 0x00, 0x66}, pdu[LOWER + MIC];
	uint8_t block[16] = {0}, header[32], lower[LOWER], access[ACCESS];
	seal(application_key, upper_nonce, message, ACCESS, upper + 3);
	seal(network_key, nonce, upper, LOWER, pdu);

	EVP_CIPHER_CTX *privacy = EVP_CIPHER_CTX_new();
	must(privacy != NULL, "EVP_CIPHER_CTX_new");
	must(EVP_EncryptInit_ex(privacy, EVP_aes_128_ecb(), NULL, privacy_key, NULL), "ECB");
	EVP_CIPHER_CTX *network = ccm(network_key, 0), *application = ccm(application_key, 0);
	uint64_t best = UINT64_MAX;
	for (long r = 0; r < rounds; r++) {
		uint64_t began = now();
		for (long i = 0; i < iterations; i++) {
			int got;
			must(EVP_EncryptUpdate(privacy, header, &got, block, 16), "header");
			open_ccm(network, nonce, pdu, LOWER, lower);
			open_ccm(application, upper_nonce, lower + 3, ACCESS, access);
		}
		uint64_t took = now() - began;
		best = took < best ? took : best;
	}
	if (memcmp(access, message, ACCESS) != 0) {
		fprintf(stderr, "the message was not opened\n");
		return 1;
	}
	printf("%.1f\n", (double)best / (double)iterations);
	return 0;
}
