// Package remote is the Remote Provisioning Server (Mesh Protocol 1.1, section
// 4.4.5): a node that finds unprovisioned devices for a client that is out of
// their range, and forwards provisioning PDUs between the two.
//
//	Remote Provisioning Client ── access messages ── Server ── PB-ADV ── device
//
//	Scan Start              ->
//	                        <-   Scan Report (UUID, RSSI)
//	Link Open (UUID)        ->                            Link Open    ->
//	                        <-   Link Report (active)                 <- Link Ack
//	PDU Send (n, PDU)       ->                            PDU          ->
//	                        <-   PDU Outbound Report (n)              <- Ack
//	                        <-   PDU Report (m, PDU)                  <- PDU
//	Link Close              ->                            Link Close   ->
//	                        <-   Link Report (idle)
//
// With a procedure instead of a UUID the link is to the server's own node,
// which is provisioned again although it is already in the network: the Node
// Provisioning Protocol Interface (section 3.11.8) gives it a new device key,
// new addresses, or makes it adopt a new composition.
//
// All messages are encrypted with the server's device key. There is one link at
// a time, which only the client that opened it can use.
package remote
