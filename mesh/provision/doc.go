// Package provision implements provisioning, chapter 5 of Mesh Protocol 1.1,
// for the provisioner and for the device, over the advertising bearer (PB-ADV),
// a GATT connection (PB-GATT) or another node (PB-Remote). Both roles are pure
// state machines: time is an argument, randomness comes from an io.Reader, and
// PDUs and events are returned in an Output. There is no clock, no goroutine
// and no I/O.
//
// From the air upwards a session consists of
//
//	bearer.go        what a session needs from its bearer
//	carried.go       a link that the caller provides (PB-GATT, PB-Remote)
//	link.go          a PB-ADV link: open, acknowledge, close; transactions with
//	                 acknowledgement and retransmission (section 5.3)
//	generic.go       the PDUs of that link and their FCS
//	reassembly.go    segments of the peer's transaction
//	pdu.go           the provisioning PDUs (section 5.4.1)
//	oob.go           output and input OOB: what is displayed and entered
//	choose.go        which authentication method fits a device
//	records.go       provisioning records and their fragments
//	certificate.go   certificates, from the device's to a trust anchor
//	secrets.go       confirmation, session key, device key (section 5.4.2)
//	provisioner.go   the protocol on one side
//	device.go        and on the other
//
// A PB-ADV PDU (section 5.3.1) is the content of an AD structure of type 0x29:
//
//	+---------+-------------+--------------------------------+
//	| Link ID | Transaction | Generic Provisioning PDU       |
//	| 4, BE   | 1           | 1 to 24                        |
//	+---------+-------------+--------------------------------+
//
// A transaction carries one provisioning PDU, cut into segments. Its number is
// 0x00 to 0x7F for PDUs of the provisioner and 0x80 to 0xFF for PDUs of the
// device:
//
//	+----------+--------------+-----+---------------+
//	| SegN  00 | Total length | FCS | up to 20      |  start
//	+----------+--------------+-----+---------------+
//	| 0     01 |                                       acknowledgement
//	+----------+-------------------------------+
//	| Index 10 | up to 23                      |       continuation
//	+----------+-------------------------------+
//	| Op    11 | parameters                    |       link open, ack, close
//	+----------+-------------------------------+
//
// A session is as follows; every PDU is acknowledged:
//
//	provisioner                                    device
//	    Link Open (UUID)            ->
//	                                <-             Link Ack
//	    Records Get                 ->                    if certificates are wanted:
//	                                <-  Records List      once
//	    Record Request (offset)     ->
//	                                <-  Record Response   for each fragment
//	    Invite (attention)          ->
//	                                <-             Capabilities
//	    Start (algorithm, method)   ->
//	    Public Key                  ->
//	                                <-             Public Key       unless it is known out of band
//	                                <-             Input Complete   with input OOB
//	    Confirmation                ->
//	                                <-             Confirmation
//	    Random                      ->
//	                                <-             Random
//	    Data (encrypted)            ->
//	                                <-             Complete
//	    Link Close                  ->
//
// The commitment protects the network: the provisioner reveals its random
// number only to a peer that has committed to one, and the NetKey only to a
// peer that has proved to know the authentication value. A value that comes
// back as it was sent (public key, confirmation, random) ends the session.
// Every attempt has a new key pair and new random numbers.
package provision
