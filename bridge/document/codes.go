package document

// Codes explains the codes of errors in responses to requests and commands.
func Codes() map[string]string {
	return map[string]string{
		// Of any request.
		"bad_json":        "the payload is not the JSON that the request takes",
		"bad_value":       "a field has a value that is not allowed",
		"bad_transaction": "the transaction is too long",
		"unknown_request": "there is no such request",
		"failed":          "an error without a code of its own; see `error`",
		"stopped":         "the bridge is being stopped",
		"store_failed":    "the store does not work, and this needs it; see `error` for what to do",
		"not_stored":      "it is done, but the store has not taken it yet; it is tried again until it does",

		// Of requests and commands about devices.
		"unknown_device":  "no device has this name, UUID or address",
		"not_interviewed": "the device has not been interviewed yet",
		"not_supported":   "the device cannot do this",
		"busy":            "something else is being done that has to end first",
		"no_response":     "the device did not answer",
		"timeout":         "there was no answer in time",
		"refused":         "the device, or the node of the bridge, refused",
		"removed":         "the device was removed meanwhile",
		"bad_name":        "this cannot be the name of a device",
		"name_taken":      "another device has this name",
		"bad_attribute":   "the device has no such attribute, or it does not take the value",
		"superseded":      "too many commands came before this one could be sent",

		// Of messages.
		"unknown_message": "no message has this name",
		"bad_fields":      "the fields are not those of the message",
		"too_long":        "the message does not fit into 380 octets",

		"no_adapter": "no Bluetooth adapter works",

		// Of the network and its keys.
		"unknown_subnet":  "the network has no such subnet",
		"unknown_app_key": "the network has no such AppKey",
		"no_app_key":      "there is no AppKey for this; add one with `appkey/add`",
		"no_key_index":    "no key index is left",
		"in_use":          "something still uses the key",
		"not_running":     "no Key Refresh procedure of this subnet is under way",
		"too_early":       "96 hours have not passed since the last change",
		"not_followed":    "devices have not followed the IV Update; see `error` for their names",
		"wrong_state":     "the IV Update is, or is not, in progress already",
		"not_possible":    "the network is kept in memory only",
		"forbidden":       "the configuration does not allow it (`mqtt.key_export`)",

		// Of provisioning.
		"not_provisioning":      "no such device is being provisioned, or no value is waited for",
		"not_sighted":           "the device was not heard",
		"no_addresses":          "no addresses are left",
		"aborted":               "it was ended by a request",
		"link_timeout":          "the device did not open a link",
		"transaction_timeout":   "the device did not acknowledge a PDU within 30 s",
		"protocol_timeout":      "the device fell silent for 60 s",
		"oob_timeout":           "nobody entered the value",
		"undecided":             "nobody decided within 60 s whether to go on",
		"link_closed":           "the device closed the link",
		"segments":              "the segments of the device contradict each other",
		"peer_failed":           "the device gave up, perhaps because of another value",
		"invalid_pdu":           "the device sent a PDU of an unknown type",
		"invalid_format":        "the device sent a PDU of wrong length or with prohibited values",
		"unexpected_pdu":        "the device sent a PDU out of order",
		"capabilities":          "the device offers nothing that the bridge can do",
		"auth_method":           "the device has no such authentication method",
		"public_key":            "the public key of the device is not valid",
		"reflected":             "the device sent back what the bridge had sent: an attack",
		"confirmation":          "the device used another value, or is an impostor",
		"decryption":            "the provisioning data is not authentic",
		"data":                  "the provisioning data is out of range",
		"cannot_assign_address": "the addresses do not fit",
		"randomness":            "the source of random numbers failed",
		"records":               "the provisioning records of the device are missing or broken",
		"certificate":           "the certificate of the device is missing or not trusted",

		// Of firmware.
		"not_configured":      "no directory for firmware is configured (`firmware.dir`)",
		"no_file":             "there is no such file",
		"bad_file":            "the file, or its description, cannot be read",
		"up_to_date":          "the device runs this firmware already",
		"no_image":            "the device has no such image",
		"verification_failed": "the device found the firmware wrong",
		"not_applied":         "the device does not run the firmware afterwards",
		"unsuitable":          "the device and the bridge have no transfer mode in common",
		"partly_failed":       "some of the devices were not updated; see `devices`",
		"no_room":             "the distributor has no room for the firmware",
		"too_many":            "the distributor cannot update so many devices",
		"upload_failed":       "the firmware could not be brought to the distributor",
		"ended":               "somebody else ended the distribution",
	}
}
