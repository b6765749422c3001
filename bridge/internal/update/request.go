package update

import (
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// updateIn is the payload of device/ota_update/check and update.
type updateIn struct {
	ID         schema.Device   `json:"id" doc:"the device"`
	IDs        []schema.Device `json:"ids" doc:"several devices that get the same firmware together, instead of id" most:"64" unit:"devices"`
	File       string          `json:"file" doc:"name of a file in firmware.dir; NAME.json beside it may have metadata and firmware_id"`
	Hex        string          `json:"hex" doc:"the firmware itself as hexadecimal digits, instead of file"`
	Metadata   string          `json:"metadata" doc:"hexadecimal digits, in the form of the maker of the device"`
	FirmwareID string          `json:"firmware_id" doc:"what the device runs afterwards: company, little endian, and version, as hexadecimal digits"`
	Image      uint8           `json:"image" doc:"which image of the device, mostly 0"`
	Mode       string          `json:"mode" doc:"push: the bridge sends what it has; pull: the device asks for what it lacks. push when it is left out" enum:"push,pull"`
	Via        schema.Device   `json:"via" doc:"a device with a Firmware Distribution Server that brings it to the others"`
	Apply      *bool           `json:"apply" doc:"false: with via, the firmware is only verified; the devices go on with the old one until the request comes again without this"`
}

// deviceIn is the payload of requests that have nothing but a device.
type deviceIn struct {
	ID schema.Device `json:"id" doc:"the device" required:"true"`
}

type checkOut struct {
	Address         mesh.Address `json:"address,omitempty" doc:"address of the primary element"`
	Check           string       `json:"check,omitempty" doc:"whether the device takes the firmware"`
	Distributor     *distributor `json:"distributor,omitempty" doc:"its Firmware Distribution Server, if it has one"`
	Effect          string       `json:"effect,omitempty" doc:"what the firmware does to it: whether it has to be provisioned again, or has another composition"`
	Images          []image      `json:"images,omitzero" doc:"the firmware that it runs"`
	Name            string       `json:"name,omitempty" doc:"friendly name"`
	UpdateAvailable *bool        `json:"update_available,omitempty" doc:"the firmware of the request is another one than it runs"`
	UUID            mesh.UUID    `json:"uuid" doc:"Device UUID"`
}

// version is a firmware identifier.
type version struct {
	Company    string `json:"company" doc:"company identifier of the maker"`
	FirmwareID string `json:"firmware_id" doc:"company, little endian, and version, as hexadecimal digits"`
	Version    string `json:"version" doc:"version, as hexadecimal digits"`
}

// image is firmware that a device runs.
type image struct {
	Company    string `json:"company" doc:"company identifier of the maker"`
	FirmwareID string `json:"firmware_id" doc:"company, little endian, and version, as hexadecimal digits"`
	Image      int    `json:"image" doc:"index of the image"`
	UpdateURI  string `json:"update_uri" doc:"where newer firmware is"`
	Version    string `json:"version" doc:"version, as hexadecimal digits"`
}

// distributor is the state of a Firmware Distribution Server.
type distributor struct {
	Fetches      bool      `json:"fetches" doc:"it can fetch firmware by itself"`
	Images       []version `json:"images" doc:"the firmware that it keeps"`
	MaxImageSize uint32    `json:"max_image_size" doc:"largest image" unit:"octets"`
	MaxImages    uint16    `json:"max_images" doc:"how many images it can keep"`
	MaxReceivers uint16    `json:"max_receivers" doc:"how many devices it can update at once"`
	Phase        string    `json:"phase" doc:"what it does"`
	Room         uint32    `json:"room" doc:"space that is left" unit:"octets"`
	Space        uint32    `json:"space" doc:"space in total" unit:"octets"`
}

type updateOut struct {
	Address mesh.Address `json:"address,omitempty" doc:"address of the primary element"`
	Devices []result     `json:"devices,omitzero" doc:"what came of each device of ids, or of a request with via"`
	Effect  string       `json:"effect,omitempty" doc:"what the firmware does to the device: whether it has to be provisioned again, or has another composition"`
	Name    string       `json:"name,omitempty" doc:"friendly name"`
	UUID    *mesh.UUID   `json:"uuid,omitempty" doc:"Device UUID"`
	Via     string       `json:"via,omitempty" doc:"friendly name of the device that brought it"`
}

// result is what came of one of several devices.
type result struct {
	Address mesh.Address `json:"address,omitempty" doc:"address of the primary element"`
	Code    string       `json:"code,omitempty" doc:"why it failed, for programs"`
	Effect  string       `json:"effect,omitempty" doc:"what the firmware does to the device"`
	Error   string       `json:"error,omitempty" doc:"why it failed, for people"`
	Name    string       `json:"name,omitempty" doc:"friendly name"`
	Status  string       `json:"status" enum:"ok,error" doc:"whether it runs the firmware"`
	UUID    mesh.UUID    `json:"uuid" doc:"Device UUID"`
}

// clearIn is the payload of device/ota_update/clear. It and device/ota_update/abort
// are answered with a document.DeviceReference.
type clearIn struct {
	ID         schema.Device `json:"id" doc:"the device" required:"true"`
	FirmwareID string        `json:"firmware_id" doc:"the firmware: company, little endian, and version, as hexadecimal digits; all of it when this is left out"`
}

// updateErrors are the errors that an update can end with.
func updateErrors(more ...string) []string {
	return append(more, "unknown_device", "not_interviewed", "not_supported", "not_configured", "no_file", "bad_file", "no_response", "refused", "no_image")
}

func checkMeta() request.Meta {
	return request.Meta{
		Name:    "device/ota_update/check",
		Summary: "Tell what firmware a device runs, and what that of the request would do to it",
		Details: "Of a device with a Firmware Distribution Server it also tells what firmware that keeps.",

		Duration: 5 * time.Second,
		Errors:   updateErrors("busy", "timeout"),
		Example:  request.Example{In: `{"id":"demo_plug","hex":"0203040506","metadata":"02","firmware_id":"ffff02"}`, Out: `{"address":"0x0100","check":"success","effect":"none","images":[{"company":"0xffff","firmware_id":"ffff01","image":0,"update_uri":"","version":"01"}],"name":"demo_plug","update_available":true,"uuid":"b0000000000000000000000000000001"}`},
	}
}

func updateMeta() request.Meta {
	return request.Meta{
		Name:    "device/ota_update/update",
		Summary: "Update the firmware of one or several devices",
		Details: "The answer comes when the devices run the new firmware. Until then `B/N` has " +
			"`\"update\":{\"state\":\"updating\",\"progress\":42,\"remaining\":120}`, and each step is an event. " +
			"Up to 16 devices are updated at once, and up to 64 together with `ids`. " +
			"What was interrupted is begun again with the same request; after anything but an abort it goes on where the device is. " +
			"With `via` the devices have to share an AppKey, `firmware_id` has to be given, and the distributor works on alone when the bridge is gone.",

		Duration: 30 * time.Minute,
		Events:   []string{"device_ota_update"},
		Errors: updateErrors("busy", "aborted", "removed", "partly_failed", "up_to_date", "verification_failed", "not_applied", "unsuitable",
			"no_room", "too_many", "upload_failed", "ended", "timeout"),
		Example: request.Example{In: `{"id":"demo_plug","hex":"0203040506","metadata":"02","firmware_id":"ffff02"}`, Out: `{"address":"0x0100","effect":"none","name":"demo_plug","uuid":"b0000000000000000000000000000001"}`},
	}
}

func abortMeta() request.Meta {
	return request.Meta{
		Name:    "device/ota_update/abort",
		Summary: "End the update of a device",
		Details: "The request that began it is answered with the error `aborted`. With a device that distributes firmware, or gets it that way, the update of all ends.",

		Duration: 10 * time.Second,
		Errors:   []string{"unknown_device", "not_interviewed", "not_supported", "no_adapter", "no_response", "refused"},
		Example:  request.Example{In: `{"id":"demo_plug"}`, Out: `{"address":"0x0100","name":"demo_plug","uuid":"b0000000000000000000000000000001"}`},
	}
}

func clearMeta() request.Meta {
	return request.Meta{
		Name:    "device/ota_update/clear",
		Summary: "Delete firmware that a device keeps for others",
		Details: "The device needs a Firmware Distribution Server.",

		Duration: 5 * time.Second,
		Errors:   []string{"unknown_device", "not_interviewed", "not_supported", "busy", "no_adapter", "no_response", "refused"},
		Example:  request.Example{In: `{"id":"demo_plug"}`, Out: `{"address":"0x0100","name":"demo_plug","uuid":"b0000000000000000000000000000001"}`},
	}
}
