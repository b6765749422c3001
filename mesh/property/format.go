package property

// The formats are the characteristics of the GATT Specification Supplement that
// the properties use, by their names there. A special value that is missing
// here would be read as a number, so all are listed.

// unsigned is a number with as many octets as needed for all values up to
// highest and the special ones.
func unsigned(size int, multiplier, divisor float64, unit string, specials ...Special) Part {
	highest := int64(1)<<(8*size) - 1
	for _, s := range specials {
		highest = min(highest, s.Raw-1)
	}
	return Part{Kind: Unsigned, Size: size, Multiplier: multiplier, Divisor: divisor, Unit: unit, Highest: highest, Specials: specials}
}

func signed(size int, divisor float64, unit string, lowest, highest int64, specials ...Special) Part {
	return Part{Kind: Signed, Size: size, Multiplier: 1, Divisor: divisor, Unit: unit, Lowest: lowest, Highest: highest, Specials: specials}
}

func (p Part) upTo(highest int64) Part { p.Highest = highest; return p }

func text(size int) []Form { return []Form{{{Kind: Text, Size: size}}} }

func notKnown(raw int64) Special { return Special{raw, NotKnown} }
func notValid(raw int64) Special { return Special{raw, NotValid} }
func orMore(raw int64) Special   { return Special{raw, OrMore} }

func one(p Part) []Form { return []Form{{p}} }

// named is a form whose parts have the given names.
func named(parts []Part, names ...string) []Form {
	form := make(Form, len(parts))
	for i, p := range parts {
		p.Name = names[i]
		form[i] = p
	}
	return []Form{form}
}

const (
	ones8  = 0xFF
	ones16 = 0xFFFF
	ones24 = 0xFFFFFF
	ones32 = 0xFFFFFFFF
)

var (
	boolean      = Part{Kind: Boolean, Size: 1, Multiplier: 1, Divisor: 1, Highest: 1}
	coefficient  = Part{Kind: Float, Size: 4}
	timeExp      = Part{Kind: TimeExponential, Size: 1, Unit: "s", Highest: 0xFD, Specials: []Special{notKnown(ones8), notValid(0xFE)}}
	date         = Part{Kind: Date, Size: 3, Multiplier: 1, Divisor: 1, Unit: "d", Lowest: 1, Highest: ones24, Specials: []Special{notKnown(0)}}
	generic8     = unsigned(1, 1, 1, "")
	percentage8  = unsigned(1, 1, 2, "%", notKnown(ones8)).upTo(200)
	cosine       = signed(1, 100, "", -100, 100, notKnown(0x7F))
	cri          = signed(1, 1, "", -128, 100, notKnown(0x7F))
	temperature8 = signed(1, 2, "°C", -128, 126, notKnown(0x7F))
	celsius8     = signed(1, 1, "°C", -128, 127)
	temperature  = signed(2, 100, "°C", -27315, 32767, notKnown(-0x8000))
	hot          = signed(2, 2, "°C", -32767, 32767, notKnown(-0x8000))
	planckian    = signed(2, 100000, "", -5000, 5000, notKnown(0x7FFF), notValid(0x7FFE))
	flux         = signed(2, 10, "µT", -32768, 32767)
	level        = signed(2, 1, "", -32768, 32767)
	humidity     = unsigned(2, 1, 100, "%", notKnown(ones16)).upTo(10000)
	count16      = unsigned(2, 1, 1, "", notKnown(ones16))
	count24      = unsigned(3, 1, 1, "", notKnown(ones24))
	ppm          = unsigned(2, 1, 1, "ppm", notKnown(ones16), orMore(0xFFFE))
	ppb          = unsigned(2, 1, 1, "ppb", notKnown(ones16), orMore(0xFFFE))
	noise        = unsigned(1, 1, 1, "dB", notKnown(ones8), orMore(0xFE))
	illuminance  = unsigned(3, 1, 100, "lx", notKnown(ones24))
	lightness    = unsigned(2, 1, 1, "")
	coordinate   = unsigned(2, 1, 65535, "")
	chromaticity = unsigned(1, 1, 10000, "")
	kelvin       = unsigned(2, 1, 1, "K", notKnown(ones16))
	lumen        = unsigned(2, 1, 1, "lm", notKnown(ones16))
	lightOutput  = unsigned(3, 1, 1, "lm", notKnown(ones24), notValid(0xFFFFFE))
	candela      = unsigned(2, 1, 1, "cd", notKnown(ones16))
	efficacy     = unsigned(2, 1, 10, "lm/W", notKnown(ones16)).upTo(18000)
	lumenHours   = unsigned(3, 1000, 1, "lm·h", notKnown(ones24))
	luxHours     = unsigned(3, 1000, 1, "lx·h", notKnown(ones24))
	ampere       = unsigned(2, 1, 100, "A", notKnown(ones16))
	volt         = unsigned(2, 1, 64, "V", notKnown(ones16))
	highVolt     = unsigned(3, 1, 64, "V", notKnown(ones24), notValid(0xFFFFFE))
	hertz        = unsigned(2, 1, 256, "Hz", notKnown(ones16), notValid(0xFFFE))
	watt         = unsigned(3, 1, 10, "W", notKnown(ones24))
	voltAmpere   = unsigned(3, 1, 10, "VA", notKnown(ones24), notValid(0xFFFFFE))
	energy       = unsigned(3, 1, 1, "kWh", notKnown(ones24))
	energy32     = unsigned(4, 1, 1000, "kWh", notKnown(ones32), notValid(0xFFFFFFFE))
	apparent32   = unsigned(4, 1, 1000, "kVAh", notKnown(ones32), notValid(0xFFFFFFFE))
	pressure     = unsigned(4, 1, 10, "Pa")
	millimetres  = unsigned(2, 1, 1, "mm")
	uvIndex      = unsigned(1, 1, 1, "UV index")
	windSpeed    = unsigned(2, 1, 100, "m/s")
	degrees      = unsigned(2, 1, 100, "°").upTo(35999)
	tenths       = unsigned(1, 1, 10, "")
	pollen       = unsigned(3, 1, 1, "1/m³")
	decihour     = unsigned(1, 1, 10, "h", notKnown(ones8)).upTo(240)
	hour24       = unsigned(3, 1, 1, "h", notKnown(ones24))
	second16     = unsigned(2, 1, 1, "s", notKnown(ones16))
	second32     = unsigned(4, 1, 1, "s", notKnown(ones32))
	millisecond  = unsigned(3, 1, 1000, "s", notKnown(ones24))
	appearance   = unsigned(2, 1, 1, "")
	tradeItem    = unsigned(6, 1, 1, "")
)

func average(p Part) []Form {
	return named([]Part{p, timeExp}, "average", "sensing_duration")
}

func statistics(p Part) []Form {
	return named([]Part{p, p, p, p, timeExp}, "average", "standard_deviation", "minimum", "maximum", "sensing_duration")
}

func eventStatistics() []Form {
	return named([]Part{count16, second16, timeExp, timeExp},
		"number_of_events", "average_event_duration", "time_elapsed_since_last_event", "sensing_duration")
}

func between(p Part) []Form { return named([]Part{p, p}, "minimum", "maximum") }

func specification(p Part) []Form {
	return named([]Part{p, p, p}, "minimum", "typical", "maximum")
}

func relative(p Part) []Form {
	return named([]Part{percentage8, p, p}, "relative_value", "minimum", "maximum")
}
