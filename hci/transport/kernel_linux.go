package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"unsafe"

	"github.com/btmesh2mqtt/btmesh2mqtt/hci/packet"
	"github.com/mdlayher/socket"
	"golang.org/x/sys/unix"
)

// linux is the running kernel.
type linux struct{}

// The ioctl requests of HCI sockets (include/net/bluetooth/hci_sock.h): type
// 'H', with the size of an int in the number.
const (
	numberDevUp      = 201
	numberDevDown    = 202
	numberGetDevList = 210
	numberGetDevInfo = 211
)

// request composes an ioctl number. Three processor families have the direction
// bits elsewhere.
func request(arch string, read bool, number uint) uint {
	const size, kind = 4, 'H'
	readBits, writeBits := uint(2)<<30, uint(1)<<30
	if strings.HasPrefix(arch, "mips") || strings.HasPrefix(arch, "ppc") || strings.HasPrefix(arch, "sparc") {
		readBits, writeBits = 1<<30, 1<<31
	}
	direction := writeBits
	if read {
		direction = readBits
	}
	return direction | size<<16 | kind<<8 | number
}

// Layout of struct hci_dev_list_req: the number of entries, then from octet 4
// entries of 8 octets that begin with the index.
const (
	maxAdapters   = 64
	listHead      = 4
	listEntry     = 8
	listCapacity  = listHead + maxAdapters*listEntry
	infoLen       = 92 // struct hci_dev_info
	infoName      = 2
	infoNameLen   = 8
	infoAddress   = 10
	infoFlags     = 16
	infoFlagUp    = 1 << 0
	receiveBuffer = 256 << 10 // a burst of some thousand reports
)

// control is a raw HCI socket for ioctls, bound to no adapter.
func control() (*socket.Conn, error) {
	return socket.Socket(unix.AF_BLUETOOTH, unix.SOCK_RAW, unix.BTPROTO_HCI, "hci-control", nil)
}

func (linux) adapters() ([]adapter, error) {
	c, err := control()
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	// The kernel reads and writes 16-bit and 32-bit numbers, so the buffer has
	// to be aligned.
	var words [listCapacity / 4]uint32
	buf := unsafe.Slice((*byte)(unsafe.Pointer(&words)), listCapacity)
	binary.NativeEndian.PutUint16(buf, maxAdapters)
	if err := c.Ioctl(request(runtime.GOARCH, true, numberGetDevList), unsafe.Pointer(&words)); err != nil {
		return nil, err
	}
	var all []adapter
	for i := range min(int(binary.NativeEndian.Uint16(buf)), maxAdapters) {
		a, err := info(c, binary.NativeEndian.Uint16(buf[listHead+i*listEntry:]))
		if errors.Is(err, unix.ENODEV) {
			continue // unplugged between the two calls
		}
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

func info(c *socket.Conn, index uint16) (adapter, error) {
	var words [infoLen / 4]uint32
	buf := unsafe.Slice((*byte)(unsafe.Pointer(&words)), infoLen)
	binary.NativeEndian.PutUint16(buf, index)
	if err := c.Ioctl(request(runtime.GOARCH, true, numberGetDevInfo), unsafe.Pointer(&words)); err != nil {
		return adapter{}, err
	}
	return parseInfo(buf), nil
}

func parseInfo(buf []byte) adapter {
	name, _, _ := bytes.Cut(buf[infoName:infoName+infoNameLen], []byte{0})
	return adapter{
		index:   binary.NativeEndian.Uint16(buf),
		name:    string(name),
		address: packet.Address(buf[infoAddress : infoAddress+6]),
		up:      binary.NativeEndian.Uint32(buf[infoFlags:])&infoFlagUp != 0,
	}
}

func (linux) power(index uint16, on bool) error {
	c, err := control()
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	number := uint(numberDevDown)
	if on {
		number = numberDevUp
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := raw.Control(func(fd uintptr) {
		// The index itself is the argument, not a pointer to it.
		result = uninterrupted(func() error {
			return unix.IoctlSetInt(int(fd), request(runtime.GOARCH, false, number), int(index))
		})
	}); err != nil {
		return err
	}
	if errors.Is(result, unix.EALREADY) {
		return nil // already up or down
	}
	return result
}

// uninterrupted repeats a system call that a signal has interrupted. Switching
// an adapter on takes a dozen commands to its controller, and Go's preemption
// signals are frequent enough to arrive in that time. The adapter would stay
// down.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func (linux) bind(index uint16) (io.ReadWriteCloser, error) {
	c, err := control()
	if err != nil {
		return nil, err
	}
	// The kernel may grant a shorter queue.
	_ = c.SetReadBuffer(receiveBuffer)
	if err := c.Bind(&unix.SockaddrHCI{Dev: index, Channel: unix.HCI_CHANNEL_USER}); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}
