//go:build !purego

#include "textflag.h"

// AES-128 with the processor's instructions. Blocks and round keys may lie anywhere
// in memory (unaligned moves).

// The next round key, in X0, from the one before it: each word is the exclusive or
// of all words up to it, and of the last word after substitution and rotation.
#define NEXT(constant, offset) \
	AESKEYGENASSIST $constant, X0, X1; \
	PSHUFD $0xFF, X1, X1;              \
	MOVO   X0, X2;                     \
	PSLLO  $4, X2;                     \
	PXOR   X2, X0;                     \
	PSLLO  $4, X2;                     \
	PXOR   X2, X0;                     \
	PSLLO  $4, X2;                     \
	PXOR   X2, X0;                     \
	PXOR   X1, X0;                     \
	MOVOU  X0, offset(BX)

// func expandKey(key *[16]byte, rounds *[11][16]byte)
TEXT ·expandKey(SB), NOSPLIT, $0-16
	MOVQ  key+0(FP), AX
	MOVQ  rounds+8(FP), BX
	MOVOU (AX), X0
	MOVOU X0, (BX)
	NEXT(0x01, 16)
	NEXT(0x02, 32)
	NEXT(0x04, 48)
	NEXT(0x08, 64)
	NEXT(0x10, 80)
	NEXT(0x20, 96)
	NEXT(0x40, 112)
	NEXT(0x80, 128)
	NEXT(0x1B, 144)
	NEXT(0x36, 160)
	RET

#define ROUND(offset) \
	MOVOU  offset(AX), X2; \
	AESENC X2, X0

#define ONE \
	MOVOU      (AX), X2;    \
	PXOR       X2, X0;      \
	ROUND(16);              \
	ROUND(32);              \
	ROUND(48);              \
	ROUND(64);              \
	ROUND(80);              \
	ROUND(96);              \
	ROUND(112);             \
	ROUND(128);             \
	ROUND(144);             \
	MOVOU      160(AX), X2; \
	AESENCLAST X2, X0

// func encryptBlock(rounds *[11][16]byte, block *[16]byte)
TEXT ·encryptBlock(SB), NOSPLIT, $0-16
	MOVQ  rounds+0(FP), AX
	MOVQ  block+8(FP), BX
	MOVOU (BX), X0
	ONE
	MOVOU X0, (BX)
	RET

// func encryptWords(rounds *[11][16]byte, w0, w1 uint64) (r0, r1 uint64)
TEXT ·encryptWords(SB), NOSPLIT, $0-40
	MOVQ   rounds+0(FP), AX
	MOVQ   w0+8(FP), X0
	PINSRQ $1, w1+16(FP), X0
	ONE
	MOVQ   X0, r0+24(FP)
	PEXTRQ $1, X0, R11
	MOVQ   R11, r1+32(FP)
	RET

#define ROUNDS(offset) \
	MOVOU  offset(AX), X2; \
	AESENC X2, X0;         \
	AESENC X2, X1

// CCM. The whole message stays in registers: what goes through memory in halves and
// comes back as a whole waits for the memory.
//
//	AX  round keys          X0  counter block, then keystream block
//	SI  input, DI output    X1  CBC-MAC
//	R8  octets left         X3  A_0: flags, nonce, counter 0
//	R10 counter             X4  input block, zeros behind its end
//	                        X5  FF for each octet of a last, short block

// ones is 16 octets FF and 16 octets 00.
DATA ones<>+0(SB)/8, $0xFFFFFFFFFFFFFFFF
DATA ones<>+8(SB)/8, $0xFFFFFFFFFFFFFFFF
DATA ones<>+16(SB)/8, $0
DATA ones<>+24(SB)/8, $0
GLOBL ones<>(SB), RODATA|NOPTR, $32

#define BOTH \
	MOVOU      (AX), X2;    \
	PXOR       X2, X0;      \
	PXOR       X2, X1;      \
	ROUNDS(16);             \
	ROUNDS(32);             \
	ROUNDS(48);             \
	ROUNDS(64);             \
	ROUNDS(80);             \
	ROUNDS(96);             \
	ROUNDS(112);            \
	ROUNDS(128);            \
	ROUNDS(144);            \
	MOVOU      160(AX), X2; \
	AESENCLAST X2, X0;      \
	AESENCLAST X2, X1

#define ARGUMENTS \
	MOVQ   rounds+0(FP), AX;      \
	MOVQ   a0+8(FP), X3;          \
	PINSRQ $1, a1+16(FP), X3;     \
	MOVQ   m0+24(FP), X1;         \
	PINSRQ $1, m1+32(FP), X1;     \
	MOVQ   out_base+40(FP), DI;   \
	MOVQ   in_base+64(FP), SI;    \
	MOVQ   in_len+72(FP), R8;     \
	MOVL   $1, R10

// The counter block: the counter is the last two octets, big-endian.
#define COUNTER \
	MOVL   R10, R11;     \
	ROLW   $8, R11;      \
	MOVO   X3, X0;       \
	PINSRW $7, R11, X0

#define ADVANCE \
	ADDQ $16, SI; \
	ADDQ $16, DI; \
	SUBQ $16, R8; \
	INCL R10

// X4 and X5 of a last block of R8 octets, 1 to 15. From 8 octets on it is the first 8
// and the last 8; below, one after the other.
#define LOAD(bytes, loop, loaded) \
	LEAQ    ones<>+16(SB), R12;      \
	SUBQ    R8, R12;                 \
	MOVOU   (R12), X5;               \
	CMPQ    R8, $8;                  \
	JB      bytes;                   \
	MOVQ    (SI), X4;                \
	MOVQ    -8(SI)(R8*1), R11;       \
	MOVL    $16, CX;                 \
	SUBL    R8, CX;                  \
	SHLL    $3, CX;                  \
	SHRQ    CX, R11;                 \
	PINSRQ  $1, R11, X4;             \
	PAND    X5, X4;                  \
	JMP     loaded;                  \
bytes:;                              \
	XORL    R11, R11;                \
	MOVQ    R8, CX;                  \
loop:;                               \
	SHLQ    $8, R11;                 \
	MOVBLZX -1(SI)(CX*1), R12;       \
	ORQ     R12, R11;                \
	DECQ    CX;                      \
	JNZ     loop;                    \
	MOVQ    R11, X4;                 \
loaded:

// The R8 octets of X0 to the output.
#define STORE(bytes, loop, stored) \
	MOVQ   X0, R11;              \
	CMPQ   R8, $8;               \
	JB     bytes;                \
	PEXTRQ $1, X0, R12;          \
	MOVQ   R11, (DI);            \
	MOVL   R8, CX;               \
	SUBL   $8, CX;               \
	SHLL   $3, CX;               \
	SHRQ   CX, R12, R11;         \
	MOVQ   R11, -8(DI)(R8*1);    \
	JMP    stored;               \
bytes:;                          \
	XORL   CX, CX;               \
loop:;                           \
	MOVB   R11, (DI)(CX*1);      \
	SHRQ   $8, R11;              \
	INCQ   CX;                   \
	CMPQ   CX, R8;               \
	JB     loop;                 \
stored:

// The tag is the completed MAC under keystream block 0.
#define TAG \
	MOVO   X3, X0;          \
	BOTH;                   \
	PXOR   X1, X0;          \
	MOVQ   X0, t0+88(FP);   \
	PEXTRQ $1, X0, R11;     \
	MOVQ   R11, t1+96(FP)

// func ccmSeal(rounds *[11][16]byte, a0, a1, m0, m1 uint64, out, in []byte) (t0, t1 uint64)
TEXT ·ccmSeal(SB), NOSPLIT, $0-104
	ARGUMENTS

whole:
	CMPQ  R8, $16
	JB    rest
	COUNTER
	BOTH
	MOVOU (SI), X4
	PXOR  X4, X1
	PXOR  X4, X0
	MOVOU X0, (DI)
	ADVANCE
	JMP   whole

rest:
	TESTQ R8, R8
	JZ    tag
	COUNTER
	BOTH
	LOAD(loadBytes, loadLoop, loaded)
	PXOR  X4, X1
	PXOR  X4, X0
	STORE(storeBytes, storeLoop, stored)

tag:
	TAG
	RET

// func ccmOpen(rounds *[11][16]byte, a0, a1, m0, m1 uint64, out, in []byte) (t0, t1 uint64)
TEXT ·ccmOpen(SB), NOSPLIT, $0-104
	ARGUMENTS

whole:
	CMPQ  R8, $16
	JB    rest
	COUNTER
	BOTH
	MOVOU (SI), X4
	PXOR  X4, X0
	PXOR  X0, X1
	MOVOU X0, (DI)
	ADVANCE
	JMP   whole

rest:
	TESTQ R8, R8
	JZ    tag
	COUNTER
	BOTH
	LOAD(loadBytes, loadLoop, loaded)
	PXOR  X4, X0
	PAND  X5, X0
	PXOR  X0, X1
	STORE(storeBytes, storeLoop, stored)

tag:
	TAG
	RET
