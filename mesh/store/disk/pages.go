package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/store"
)

// The database is read and checked here before bbolt uses it: bbolt trusts what
// it finds in its pages, and a wrong page number makes it fault, or give a page
// away that is in use. The layout is in the byte order of the machine:
//
//	page   id 8 | flags 2 | count 2 | overflow 4 | elements, then keys and values
//	meta   magic 4 | version 4 | page size 4 | flags 4 | root 8+8 | free list 8 |
//	       pages 8 | transaction 8 | FNV-64a of all before 8      pages 0 and 1
//	branch position 4 | key size 4 | page 8                       per child
//	leaf   flags 4 | position 4 | key size 4 | value size 4       per value
//	bucket root page 8 | sequence 8 | the page itself if root is 0
const (
	pageHeader  = 16
	elementSize = 16
	bucketSize  = 16
	metaSize    = 64

	boltMagic   = 0xED0CDAED
	boltVersion = 2
	noFreelist  = 1<<64 - 1

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagMeta     = 0x04
	flagFreelist = 0x10
	flagBucket   = 0x01 // of a leaf element

	// depthLimit ends a walk along pages that refer to each other. A tree of
	// this depth has more pages than a file can have.
	depthLimit = 64
)

// image is a database file in memory.
type image struct {
	data     []byte
	pageSize int
	meta     meta   // the newest one
	badMeta  int    // the meta page that is damaged; -1 for none
	used     []bool // pages that are part of the tree
	format   map[string][]byte
	tables   map[store.Table]map[string][]byte // values with their checksums
}

// meta is one of the two descriptions of the database.
type meta struct {
	pageSize uint32
	root     uint64
	freelist uint64
	pages    uint64 // the file has at least as many
	tx       uint64
}

// readImage reads the whole content of a database file and checks it. The
// error wraps store.ErrDamaged.
func readImage(data []byte) (*image, error) {
	im := &image{
		data: data, badMeta: -1,
		format: map[string][]byte{}, tables: map[store.Table]map[string][]byte{},
	}
	if err := im.readMeta(); err != nil {
		return nil, damaged("%v", err)
	}
	im.used = make([]bool, im.meta.pages)
	im.used[0], im.used[1] = true, true
	if err := im.readRoot(); err != nil {
		return nil, damaged("%v", err)
	}
	if err := im.checkFreelist(); err != nil {
		return nil, damaged("%v", err)
	}
	return im, nil
}

func damaged(text string, args ...any) error {
	return fmt.Errorf("%w: "+text, append([]any{store.ErrDamaged}, args...)...)
}

// readMeta finds the newest meta page. The second one is at the page size that
// the first one names, or at any possible one if the first is damaged.
func (im *image) readMeta() error {
	first, errFirst := im.metaAt(0, 0)
	var second meta
	errSecond := errors.New("there is no second header")
	if errFirst == nil {
		second, errSecond = im.metaAt(1, int(first.pageSize))
	} else {
		for size := 1 << 10; size <= 1<<16 && errSecond != nil; size <<= 1 {
			second, errSecond = im.metaAt(1, size)
		}
	}
	switch {
	case errFirst != nil && errSecond != nil:
		return fmt.Errorf("it is not a database, or both of its headers are damaged (%w)", errFirst)
	case errFirst != nil:
		im.meta, im.badMeta = second, 0
	case errSecond != nil:
		im.meta, im.badMeta = first, 1
	case second.tx > first.tx:
		im.meta = second
	default:
		im.meta = first
	}
	im.pageSize = int(im.meta.pageSize)
	if most := uint64(len(im.data) / im.pageSize); im.meta.pages > most {
		return fmt.Errorf("the file is truncated: it has %d octets, expected at least %d", len(im.data), im.meta.pages*uint64(im.pageSize))
	}
	return nil
}

// metaAt reads the meta page with the given number.
func (im *image) metaAt(number, pageSize int) (meta, error) {
	at := number * pageSize
	if len(im.data) < at+pageHeader+metaSize {
		return meta{}, fmt.Errorf("the file is truncated: it has %d octets", len(im.data))
	}
	page, order := im.data[at:], binary.NativeEndian
	b := page[pageHeader : pageHeader+metaSize]
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaSize-8]) // never fails
	m := meta{
		pageSize: order.Uint32(b[8:]), root: order.Uint64(b[16:]), freelist: order.Uint64(b[32:]),
		pages: order.Uint64(b[40:]), tx: order.Uint64(b[48:]),
	}
	switch {
	case order.Uint32(b) != boltMagic || order.Uint32(b[4:]) != boltVersion:
		return meta{}, errors.New("it does not begin like a bbolt database")
	case order.Uint64(b[56:]) != sum.Sum64():
		return meta{}, errors.New("the checksum of its header is wrong")
	case order.Uint64(page) != uint64(number) || order.Uint16(page[8:]) != flagMeta:
		return meta{}, errors.New("a header is no header page")
	case m.pageSize < 1<<10 || m.pageSize > 1<<16 || m.pageSize&(m.pageSize-1) != 0 || number > 0 && int(m.pageSize) != pageSize:
		return meta{}, fmt.Errorf("a page size of %d octets is impossible", m.pageSize)
	case m.pages < 3 || m.tx%2 != uint64(number):
		return meta{}, errors.New("its header is inconsistent")
	}
	return m, nil
}

// readRoot reads the buckets of package tables.
func (im *image) readRoot() error {
	return im.tree(im.meta.root, span{}, 0, func(flags uint32, name, value []byte) error {
		if flags != flagBucket {
			return fmt.Errorf("the root has a value %q, expected only buckets", name)
		}
		switch string(name) {
		case formatBucket:
			return im.bucket(value, func(flags uint32, key, value []byte) error {
				if flags != 0 {
					return fmt.Errorf("a bucket %q describes the format", key)
				}
				im.format[string(key)] = value
				return nil
			})
		case tablesBucket:
			return im.bucket(value, im.readTable)
		default:
			return fmt.Errorf("there is an unknown bucket %q", name)
		}
	})
}

func (im *image) readTable(flags uint32, name, value []byte) error {
	if flags != flagBucket {
		return fmt.Errorf("%q is a value, expected a table", name)
	}
	table := map[string][]byte{}
	im.tables[store.Table(name)] = table
	return im.bucket(value, func(flags uint32, key, value []byte) error {
		if flags != 0 {
			return fmt.Errorf("%s/%q is a table, expected a value", name, key)
		}
		table[string(key)] = value
		return nil
	})
}

// visitor is called with each element of a bucket, in order.
type visitor func(flags uint32, key, value []byte) error

// bucket visits a bucket whose value is b.
func (im *image) bucket(b []byte, visit visitor) error {
	if len(b) < bucketSize {
		return errors.New("a bucket has no header")
	}
	root := binary.NativeEndian.Uint64(b)
	if sequence := binary.NativeEndian.Uint64(b[8:]); sequence != 0 {
		return fmt.Errorf("a bucket has the sequence %d, which is not used", sequence)
	}
	if root != 0 {
		return im.tree(root, span{}, 0, visit)
	}
	inline := b[bucketSize:]
	if len(inline) < pageHeader || binary.NativeEndian.Uint16(inline[8:]) != flagLeaf || binary.NativeEndian.Uint32(inline[12:]) != 0 {
		return errors.New("a bucket within a page is damaged")
	}
	last := span{}
	return im.leaf(inline, &last, visit)
}

// span is where the keys of a page are: from low, below high. Nil is without a
// limit.
type span struct{ low, high []byte }

// tree visits the tree of pages from the page with the given number.
func (im *image) tree(id uint64, within span, depth int, visit visitor) error {
	page, err := im.page(id)
	if err != nil {
		return err
	}
	if depth > depthLimit {
		return errors.New("the pages refer to each other")
	}
	order := binary.NativeEndian
	switch flags := order.Uint16(page[8:]); flags {
	case flagLeaf:
		return im.leaf(page, &within, visit)
	case flagBranch:
		count := int(order.Uint16(page[10:]))
		if count == 0 || len(page) < pageHeader+count*elementSize {
			return fmt.Errorf("page %d is damaged: a branch of %d", id, count)
		}
		keys := make([][]byte, count+1)
		for i := range count {
			at := pageHeader + i*elementSize
			if keys[i], err = slice(page, int64(at), order.Uint32(page[at:]), order.Uint32(page[at+4:])); err != nil {
				return fmt.Errorf("page %d is damaged: %w", id, err)
			}
		}
		keys[count] = within.high
		for i := range count {
			low := keys[i]
			if i == 0 && within.low != nil && bytes.Compare(low, within.low) < 0 || !below(low, keys[i+1]) {
				return fmt.Errorf("page %d is damaged: its keys are out of order", id)
			}
			child := order.Uint64(page[pageHeader+i*elementSize+8:])
			if err := im.tree(child, span{low: low, high: keys[i+1]}, depth+1, visit); err != nil {
				return err
			}
		}
		return nil
	default:
		return fmt.Errorf("page %d is damaged: it has the type %#x", id, flags)
	}
}

// below reports whether key is below high; nil is without a limit.
func below(key, high []byte) bool { return high == nil || bytes.Compare(key, high) < 0 }

// leaf visits the elements of a leaf page, whose keys are within a span.
func (im *image) leaf(page []byte, within *span, visit visitor) error {
	order := binary.NativeEndian
	count := int(order.Uint16(page[10:]))
	if len(page) < pageHeader+count*elementSize {
		return fmt.Errorf("a page is damaged: it cannot have %d elements", count)
	}
	var last []byte
	for i := range count {
		at := pageHeader + i*elementSize
		position, keySize, valueSize := order.Uint32(page[at+4:]), order.Uint32(page[at+8:]), order.Uint32(page[at+12:])
		key, err := slice(page, int64(at), position, keySize)
		if err != nil {
			return fmt.Errorf("a page is damaged: %w", err)
		}
		value, err := slice(page, int64(at)+int64(position), keySize, valueSize)
		if err != nil {
			return fmt.Errorf("a page is damaged: %w", err)
		}
		if len(key) == 0 || last != nil && bytes.Compare(last, key) >= 0 ||
			within.low != nil && bytes.Compare(key, within.low) < 0 || !below(key, within.high) {
			return errors.New("a page is damaged: its keys are out of order")
		}
		last = key
		if err := visit(order.Uint32(page[at:]), key, value); err != nil {
			return err
		}
	}
	return nil
}

// slice is size octets of a page from an offset to base.
func slice(page []byte, base int64, offset, size uint32) ([]byte, error) {
	from := base + int64(offset)
	if from+int64(size) > int64(len(page)) {
		return nil, fmt.Errorf("%d octets at %d are outside of its %d", size, from, len(page))
	}
	return page[from : from+int64(size) : from+int64(size)], nil
}

// page returns a page with those that continue it, and marks them as used.
func (im *image) page(id uint64) ([]byte, error) {
	if id < 2 || id >= im.meta.pages {
		return nil, fmt.Errorf("page %d is referred to, there are %d", id, im.meta.pages)
	}
	at := int(id) * im.pageSize
	header := im.data[at : at+pageHeader]
	if got := binary.NativeEndian.Uint64(header); got != id {
		return nil, fmt.Errorf("page %d is damaged: it has the number %d", id, got)
	}
	more := uint64(binary.NativeEndian.Uint32(header[12:]))
	if id+more >= im.meta.pages {
		return nil, fmt.Errorf("page %d is damaged: %d pages more belong to it, there are %d in all", id, more, im.meta.pages)
	}
	for i := id; i <= id+more; i++ {
		if im.used[i] {
			return nil, fmt.Errorf("page %d is used twice", i)
		}
		im.used[i] = true
	}
	return im.data[at : at+(int(more)+1)*im.pageSize], nil
}

// checkFreelist checks that no page in use is called free. A database that this
// version has written has no free list.
func (im *image) checkFreelist() error {
	if im.meta.freelist == noFreelist {
		return nil
	}
	page, err := im.page(im.meta.freelist)
	if err != nil {
		return err
	}
	order := binary.NativeEndian
	if order.Uint16(page[8:]) != flagFreelist {
		return fmt.Errorf("the list of free pages is damaged: page %d has another type", im.meta.freelist)
	}
	count, rest := uint64(order.Uint16(page[10:])), page[pageHeader:]
	if count == 0xFFFF && len(rest) >= 8 {
		count, rest = order.Uint64(rest), rest[8:]
	}
	if count > uint64(len(rest)/8) {
		return fmt.Errorf("the list of free pages is damaged: it cannot have %d", count)
	}
	for i := range count {
		id := order.Uint64(rest[8*i:])
		if id < 2 || id >= im.meta.pages || im.used[id] {
			return fmt.Errorf("the list of free pages is damaged: page %d is in use", id)
		}
		im.used[id] = true
	}
	return nil
}

// contents unseals all values and sums up those that are right.
func (im *image) contents() (sum summary, bad []Key) {
	for table, values := range im.tables {
		for key, sealed := range values {
			value, err := unseal(table, key, sealed)
			if err != nil {
				bad = append(bad, Key{table, key})
				continue
			}
			sum.set(table, key, nil, value)
		}
	}
	return sum, bad
}

// named names keys for an error.
func named(keys []Key) string {
	names := make([]string, 0, len(keys))
	for _, k := range keys {
		names = append(names, fmt.Sprintf("%s/%q", k.Table, k.Key))
	}
	return list(names)
}
