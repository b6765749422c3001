package blob

import "math/bits"

// Bits is a set of small numbers in the form used in messages: the lowest bit
// of the first octet is number 0.
type Bits []byte

// AllBits returns the set of the numbers below n.
func AllBits(n int) Bits {
	b := make(Bits, (n+7)/8)
	for i := range n {
		b[i/8] |= 1 << (i % 8)
	}
	return b
}

// Has reports whether n is in the set.
func (b Bits) Has(n int) bool { return n >= 0 && n/8 < len(b) && b[n/8]>>(n%8)&1 == 1 }

// Put adds n, which must be below the size that the set was made for.
func (b Bits) Put(n int) { b[n/8] |= 1 << (n % 8) }

// Drop removes n.
func (b Bits) Drop(n int) { b[n/8] &^= 1 << (n % 8) }

// Count is how many numbers are in the set.
func (b Bits) Count() int {
	n := 0
	for _, octet := range b {
		n += bits.OnesCount8(octet)
	}
	return n
}

// Next returns the lowest number in the set that is not below n, -1 for none.
func (b Bits) Next(n int) int {
	for ; n < 8*len(b); n++ {
		if b.Has(n) {
			return n
		}
	}
	return -1
}
