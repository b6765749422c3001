package foundation

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// sarMessages is the table of the messages of the SAR Configuration models, with the names that section
// 4.3 gives them.
func sarMessages() []access.Kind {
	return []access.Kind{
		access.Describe[SARTransmitterGet]("SAR Transmitter Get"),
		access.Describe[SARTransmitterSet]("SAR Transmitter Set"),
		access.Describe[SARTransmitterStatus]("SAR Transmitter Status"),
		access.Describe[SARReceiverGet]("SAR Receiver Get"),
		access.Describe[SARReceiverSet]("SAR Receiver Set"),
		access.Describe[SARReceiverStatus]("SAR Receiver Status"),
	}
}
