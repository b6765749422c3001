package sar

import "github.com/btmesh2mqtt/btmesh2mqtt/mesh/access"

// Messages is the table of the messages of the SAR Configuration models, with
// their names in section 4.3.
func Messages() []access.Kind {
	return []access.Kind{
		access.Describe[TransmitterGet]("SAR Transmitter Get"),
		access.Describe[TransmitterSet]("SAR Transmitter Set"),
		access.Describe[TransmitterStatus]("SAR Transmitter Status"),
		access.Describe[ReceiverGet]("SAR Receiver Get"),
		access.Describe[ReceiverSet]("SAR Receiver Set"),
		access.Describe[ReceiverStatus]("SAR Receiver Status"),
	}
}
