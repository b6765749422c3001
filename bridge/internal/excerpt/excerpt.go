// Package excerpt shortens text from outside, so that an error or a log line
// stays readable whatever was sent.
//
//	payload, name or attribute ──Of──▶ at most N octets of it, then "..."
package excerpt

import "strings"

const (
	more        = "..."
	replacement = "\uFFFD"
)

// Of is s as it is when it has at most most octets, else its beginning of at
// most as many octets and "...". No character is cut in two. Octets that are no
// UTF-8 become U+FFFD.
func Of(s string, most int) string {
	if len(s) <= most {
		return strings.ToValidUTF8(s, replacement)
	}
	const longest = 4 // octets of a character
	for end := most; end > 0 && end > most-longest; end-- {
		if s[end]&0xC0 != 0x80 { // the first octet of a character
			return strings.ToValidUTF8(s[:end], replacement) + more
		}
	}
	return strings.ToValidUTF8(s[:most], replacement) + more
}
