// Package remote is the Remote Provisioning Server (Mesh Protocol 1.1, section
// 4.4.5): a node that finds unprovisioned devices for a client that does not
// hear them, and passes provisioning PDUs on between the two.
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
// With a procedure instead of a UUID the link goes to the server's own node,
// which is provisioned once more although it is in the network: the Node
// Provisioning Protocol Interface (section 3.11.8) gives it a new device key, new
// addresses, or lets it take on a new composition.
//
// All messages are encrypted with the server's device key. There is one link at a
// time, and who opened it is the only one who can use it.
package remote
