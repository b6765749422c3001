// Package beacon encodes and decodes mesh beacons (Mesh Protocol 1.1, section
// 3.10) and decides what a beacon's IV index means for this node (section
// 3.11.5). All numbers are big-endian. The first octet is the type:
//
//	unprovisioned device beacon
//	+----+-------------+-----+------------------------+
//	| 00 | device UUID | OOB | URI hash (may be none) |
//	+----+-------------+-----+------------------------+
//	   1       16         2              4
//
//	secure network beacon
//	+----+-------+------------+----------+----------------------+
//	| 01 | flags | network ID | IV index | authentication value |
//	+----+-------+------------+----------+----------------------+
//	   1     1         8           4                8
//
//	mesh private beacon
//	+----+--------+----------------------+--------------------+
//	| 02 | random | flags and IV index,  | authentication tag |
//	|    |        | obfuscated           |                    |
//	+----+--------+----------------------+--------------------+
//	   1     13              5                     8
package beacon
