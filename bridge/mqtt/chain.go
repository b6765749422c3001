package mqtt

// chain is a queue of items that any of them can be taken out of. The links are in
// the items, so that nothing is allocated.
type chain struct {
	first, last *item
	len         int
}

// push puts an item behind the last.
func (c *chain) push(i *item) {
	i.prev = c.last
	if c.last == nil {
		c.first = i
	} else {
		c.last.next = i
	}
	c.last = i
	c.len++
}

// remove takes out an item that is in the chain.
func (c *chain) remove(i *item) {
	if i.prev == nil {
		c.first = i.next
	} else {
		i.prev.next = i.next
	}
	if i.next == nil {
		c.last = i.prev
	} else {
		i.next.prev = i.prev
	}
	i.prev, i.next = nil, nil
	c.len--
}
