package update

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/blob"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/firmware"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
)

// Limits of firmware images.
const (
	maxFirmware = 16 << 20 // octets of a file
	maxHex      = 1 << 20  // octets in the payload of a request
	maxMetadata = 360      // octets that fit into a message
	maxSidecar  = 64 << 10 // octets of the description of a file
)

// sidecar is the content of NAME.json, the description of a file NAME. It has what a
// request may leave out. The nRF Connect SDK writes encoded_metadata.
type sidecar struct {
	FirmwareID      string `json:"firmware_id"`
	Metadata        string `json:"metadata"`
	EncodedMetadata string `json:"encoded_metadata"`
}

// update reads the firmware of a request.
func (r *updateIn) update(files fs.FS) (firmware.Update, error) {
	var u firmware.Update
	mode := blob.Push
	if r.Mode == "pull" {
		mode = blob.Pull
	}
	image, beside, err := r.image(files)
	if err != nil {
		return u, err
	}
	metadata, err := octets("metadata", first(r.Metadata, beside.Metadata, beside.EncodedMetadata), maxMetadata)
	if err != nil {
		return u, err
	}
	id, err := parseFirmwareID(first(r.FirmwareID, beside.FirmwareID))
	if err != nil {
		return u, err
	}
	// The same firmware gets the same BLOB ID, so that an interrupted transfer is
	// continued.
	sum := sha256.Sum256(append(bytes.Clone(metadata), image...))
	return firmware.Update{
		Object: blob.Object{
			ID: blob.ID(binary.LittleEndian.Uint64(sum[:])), Data: bytes.NewReader(image), Size: uint32(len(image)),
		},
		Metadata: metadata, Firmware: id, ImageIndex: r.Image, Mode: mode, TimeoutBase: updateTimeoutBase,
	}, nil
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// image reads the firmware and its description.
func (r *updateIn) image(files fs.FS) ([]byte, sidecar, error) {
	var beside sidecar
	switch {
	case (r.File == "") == (r.Hex == ""):
		return nil, beside, fault.New("bad_value", "expected either file, the name of a file in firmware.dir, or hex, the firmware itself")
	case r.Hex != "":
		image, err := octets("hex", r.Hex, maxHex)
		return image, beside, err
	case files == nil:
		return nil, beside, fault.New("not_configured", "file: the bridge has no directory for firmware; set firmware.dir")
	case !fs.ValidPath(r.File):
		return nil, beside, fault.New("bad_value", "file: expected the name of a file in firmware.dir, got %q", fault.Clip(r.File))
	}
	image, err := readBounded(files, r.File, maxFirmware)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, beside, fault.New("no_file", "file: there is no %q in firmware.dir", fault.Clip(r.File))
	case err != nil:
		return nil, beside, fault.New("bad_file", "file: %q cannot be read: %w", fault.Clip(r.File), err)
	case len(image) == 0:
		return nil, beside, fault.New("bad_file", "file: %q is empty", fault.Clip(r.File))
	}
	text, err := readBounded(files, r.File+".json", maxSidecar)
	if errors.Is(err, fs.ErrNotExist) {
		return image, beside, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &beside)
	}
	if err != nil {
		return nil, beside, fault.New("bad_file", "file: the description %q cannot be read: %w", fault.Clip(r.File+".json"), err)
	}
	return image, beside, nil
}

func readBounded(files fs.FS, name string, most int64) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("it has more than %d octets", most)
	}
	return data, err
}

func octets(name, digits string, most int) ([]byte, error) {
	data, err := hex.DecodeString(digits)
	if err != nil || len(data) > most {
		return nil, fault.New("bad_value", "%s: expected at most %d octets as hexadecimal digits", name, most)
	}
	return data, nil
}

// parseFirmwareID reads the octets of a firmware identifier. No octets are an
// identifier without a version.
func parseFirmwareID(digits string) (firmware.ID, error) {
	const company = 2
	raw, err := octets("firmware_id", digits, company+firmware.MaxVersion)
	switch {
	case err != nil:
		return firmware.ID{}, err
	case len(raw) == 0:
		return firmware.ID{}, nil
	case len(raw) <= company:
		return firmware.ID{}, fault.New("bad_value", "firmware_id: expected a company of two octets, little endian, and a version")
	}
	return firmware.ID{CompanyID: mesh.CompanyID(binary.LittleEndian.Uint16(raw)), Version: raw[company:]}, nil
}

// versionOf returns a firmware identifier in the form of requests and responses.
func versionOf(id firmware.ID) version {
	raw := append(binary.LittleEndian.AppendUint16(nil, uint16(id.CompanyID)), id.Version...)
	return version{
		Company:    fmt.Sprintf("0x%04x", uint16(id.CompanyID)),
		FirmwareID: hex.EncodeToString(raw),
		Version:    hex.EncodeToString(id.Version),
	}
}
