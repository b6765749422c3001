package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// kind is what the values of a key have in common: how they are parsed from
// text and from YAML, checked, and written. Its errors say what arrived; what
// was expected is one text for all of them.
type kind[T any] struct {
	word     string
	expect   string
	fromText func(string) (T, error)
	fromYAML func(any) (T, error)
	check    func(T) error // nil accepts every value of the type
	yaml     func(T) string
}

func (k kind[T]) checked(v T, err error) (any, error) {
	if err == nil && k.check != nil {
		err = k.check(v)
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// with returns the kind with another expectation and check.
func (k kind[T]) with(word, expect string, check func(T) error) kind[T] {
	k.word, k.expect, k.check = word, expect, check
	return k
}

func text() kind[string] {
	return kind[string]{
		word: "text", expect: "text",
		fromText: func(s string) (string, error) { return s, nil },
		fromYAML: func(raw any) (string, error) {
			switch raw := raw.(type) {
			case string:
				return raw, nil
			case nil, []any, map[string]any:
				return "", errors.New(describe(raw))
			default:
				return "", fmt.Errorf("%s; put it in quotes if it is text", describe(raw))
			}
		},
		check: plain,
		yaml:  scalar,
	}
}

func nonEmpty() kind[string] {
	return text().with("text", "non-empty text", func(s string) error {
		if s == "" {
			return errors.New("nothing")
		}
		return plain(s)
	})
}

func choice(of ...string) kind[string] {
	return text().with("word", "one of "+strings.Join(of, ", "), func(s string) error {
		if !slices.Contains(of, s) {
			return quoted(s)
		}
		return nil
	})
}

func topic() kind[string] {
	return text().with("topic", "a topic without + and #, without / at either end", func(s string) error {
		if err := plain(s); err != nil {
			return err
		}
		if s == "" || len(s) > 1024 || s[0] == '/' || s[len(s)-1] == '/' || strings.ContainsAny(s, "+#") || strings.HasPrefix(s, "$") {
			return quoted(s)
		}
		return nil
	})
}

func listener() kind[string] {
	return text().with("host:port", "host:port such as 127.0.0.1:8080 or :8080, or nothing", func(s string) error {
		if s != "" && !isHostPort(s) {
			return quoted(s)
		}
		return nil
	})
}

func secret() kind[Secret] {
	return kind[Secret]{
		word: "text", expect: "text",
		fromText: func(s string) (Secret, error) { return NewSecret(s), nil },
		fromYAML: func(raw any) (Secret, error) {
			s, ok := raw.(string)
			if !ok {
				return Secret{}, errors.New("a value that is not text; put it in quotes")
			}
			return NewSecret(s), nil
		},
		yaml: func(s Secret) string { return scalar(s.String()) },
	}
}

func staticOOB() kind[Secret] {
	return secret().with("hex", "32 hexadecimal digits, or nothing", func(s Secret) error {
		if b, err := hex.DecodeString(s.Reveal()); err != nil || len(b) != 16 && len(b) != 0 {
			return fmt.Errorf("%d other characters", utf8.RuneCountInString(s.Reveal()))
		}
		return nil
	})
}

func boolean() kind[bool] {
	return kind[bool]{
		word: "bool", expect: "true or false",
		fromText: func(s string) (bool, error) {
			v, err := strconv.ParseBool(s)
			if err != nil {
				return false, quoted(s)
			}
			return v, nil
		},
		fromYAML: func(raw any) (bool, error) {
			v, ok := raw.(bool)
			if !ok {
				return false, errors.New(describe(raw))
			}
			return v, nil
		},
		yaml: strconv.FormatBool,
	}
}

// number is a whole number. A number out of range has the wrong type.
func number(least, most int) kind[int] {
	return kind[int]{
		word: "number", expect: fmt.Sprintf("a number from %d to %d", least, most),
		fromText: func(s string) (int, error) {
			v, err := strconv.ParseInt(s, 0, 32)
			if err != nil {
				return 0, quoted(s)
			}
			return int(v), nil
		},
		fromYAML: func(raw any) (int, error) {
			v, ok := raw.(int)
			if !ok {
				return 0, errors.New(describe(raw))
			}
			return v, nil
		},
		check: func(v int) error {
			if v < least || v > most {
				return errors.New(strconv.Itoa(v))
			}
			return nil
		},
		yaml: strconv.Itoa,
	}
}

// small is a number that is stored in a smaller type.
func small[T ~uint8 | ~uint16](word, expect, format string, fits func(int) bool) kind[T] {
	n := number(0, math.MaxUint16)
	narrow := func(v int, err error) (T, error) {
		if err == nil && (v < 0 || v > int(^T(0))) {
			err = fmt.Errorf(format, v)
		}
		return T(v), err
	}
	return kind[T]{
		word: word, expect: expect,
		fromText: func(s string) (T, error) { return narrow(n.fromText(s)) },
		fromYAML: func(raw any) (T, error) {
			if s, ok := raw.(string); ok {
				return narrow(n.fromText(s))
			}
			return narrow(n.fromYAML(raw))
		},
		check: func(v T) error {
			if !fits(int(v)) {
				return fmt.Errorf(format, v)
			}
			return nil
		},
		yaml: func(v T) string { return fmt.Sprintf(format, v) },
	}
}

func unicast() kind[uint16] {
	return small[uint16]("address", "a unicast address, 0x0001 to 0x7fff", "0x%04x",
		func(v int) bool { return v >= 0x0001 && v <= 0x7FFF })
}

func ttl() kind[uint8] {
	return small[uint8]("number", "0, or a number from 2 to 127", "%d",
		func(v int) bool { return v == 0 || v >= 2 && v <= 127 })
}

func duration(least, most, step time.Duration) kind[time.Duration] {
	parse := func(s string) (time.Duration, error) {
		v, err := time.ParseDuration(s)
		if err != nil {
			return 0, quoted(s)
		}
		return v, nil
	}
	return kind[time.Duration]{
		word: "duration", expect: fmt.Sprintf("a duration from %v to %v in steps of %v", least, most, step),
		fromText: parse,
		fromYAML: func(raw any) (time.Duration, error) {
			s, ok := raw.(string)
			if !ok {
				return 0, fmt.Errorf("%s; a duration has a unit, such as %v", describe(raw), least)
			}
			return parse(s)
		},
		check: func(v time.Duration) error {
			if v < least || v > most || v%step != 0 {
				return errors.New(v.String())
			}
			return nil
		},
		yaml: time.Duration.String,
	}
}

var (
	hciName       = regexp.MustCompile(`^hci[0-9]{1,5}$`)
	deviceAddress = regexp.MustCompile(`^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$`)
)

func adapters() kind[[]string] {
	return kind[[]string]{
		word: "list", expect: "a list of hci0, 00:11:22:33:44:55, serial:/dev/ttyACM0?baud=1000000, tcp:host:port, unix:path",
		fromText: func(s string) ([]string, error) {
			list := strings.Split(s, ",")
			for i := range list {
				list[i] = strings.TrimSpace(list[i])
			}
			return list, nil
		},
		fromYAML: func(raw any) ([]string, error) {
			items, ok := raw.([]any)
			if !ok {
				return nil, errors.New(describe(raw))
			}
			list := make([]string, len(items))
			for i, item := range items {
				if list[i], ok = item.(string); !ok {
					return nil, fmt.Errorf("%s in the list", describe(item))
				}
			}
			return list, nil
		},
		check: checkAdapters,
		yaml: func(list []string) string {
			items := make([]string, len(list))
			for i, item := range list {
				items[i] = scalar(item)
			}
			return "[" + strings.Join(items, ", ") + "]"
		},
	}
}

func checkAdapters(list []string) error {
	if len(list) == 0 {
		return errors.New("an empty list")
	}
	for i, a := range list {
		scheme, rest, _ := strings.Cut(a, ":")
		switch {
		case hciName.MatchString(a), deviceAddress.MatchString(a):
		case (scheme == "serial" || scheme == "unix") && rest != "" && plain(rest) == nil:
		case scheme == "tcp" && isHostPort(rest) && rest[0] != ':':
		default:
			return quoted(a)
		}
		if slices.Contains(list[:i], a) {
			return fmt.Errorf("%q twice", a)
		}
	}
	return nil
}

func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || plain(host) != nil {
		return false
	}
	v, err := strconv.ParseUint(port, 10, 16)
	return err == nil && v > 0
}

// plain rejects text with characters that a broker, a file system or a terminal
// cannot handle.
func plain(s string) error {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("%q, which has control characters or is not UTF-8", shortened(s))
	}
	return nil
}

func quoted(s string) error {
	if s == "" {
		return errors.New("nothing")
	}
	return fmt.Errorf("%q", shortened(s))
}

func shortened(s string) string { return shortenedTo(s, 80) }

func shortenedTo(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// describe names a YAML value of the wrong type, and its value if that is
// short.
func describe(raw any) string {
	switch v := raw.(type) {
	case nil:
		return "no value (remove the line to get the default)"
	case string:
		return quoted(v).Error()
	case map[string]any, map[any]any:
		return "a section"
	case []any:
		return "a list"
	default:
		return shortened(fmt.Sprint(v))
	}
}

var plainScalar = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./:@?=-]*$`)

// scalar writes text so that YAML reads back the same text.
func scalar(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		return strconv.Quote(s)
	}
	if plainScalar.MatchString(s) && !strings.HasSuffix(s, ":") {
		return s
	}
	return strconv.Quote(s)
}
