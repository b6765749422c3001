package translate

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// Color is the hue, 0 to 360 degrees, and the saturation, 0 to 100 %, of a
// colour in the HSV colour space. Its value is the brightness.
type Color struct {
	H float64 `json:"h"`
	S float64 `json:"s"`
}

const (
	// MaxBrightness is full brightness; 1 is the least, 0 is off.
	MaxBrightness = 255

	maxLightness = 65535
	// brightnessStep is the lightness of one of 255 steps. A lower lightness
	// cannot be told from off on the scale of brightness.
	brightnessStep = maxLightness / MaxBrightness
	hueCircle      = 65536
)

// scale is where brightness 1 and 255 lie on an axis of lightness.
type scale struct{ low, high float64 }

// scaleOf is the scale of a light with a lightness range, for a colour whose
// lightness is the part share of its value: 1 for white, ½ for full colour.
func scaleOf(r device.Range, share float64) scale {
	s := scale{
		low:  max(brightnessStep, float64(r.Min)/share),
		high: min(maxLightness, float64(r.Max)/share),
	}
	if s.high <= 0 {
		s.high = maxLightness // the range is not known
	}
	s.low = min(s.low, s.high)
	return s
}

// lightness is where a brightness of 1 to 255 lies.
func (s scale) lightness(brightness int) float64 {
	if brightness >= MaxBrightness {
		return s.high
	}
	return s.low + float64(brightness-1)*(s.high-s.low)/(MaxBrightness-1)
}

// brightness is the step nearest to a lightness, never 0: a light that is on
// is not off.
func (s scale) brightness(lightness float64) int {
	if s.high <= s.low || lightness >= s.high {
		return MaxBrightness
	}
	return 1 + int(math.Round(max(0, lightness-s.low)*(MaxBrightness-1)/(s.high-s.low)))
}

// toHSL is the Light HSL state that shows a colour at a brightness of 1 to
// 255. HSL lightness is not HSV value: full colour lies at half of it.
//
//	L = V (1 - S/2)    S' = (V - L) / min(L, 1-L)
func toHSL(brightness int, c Color, r device.Range) (lightness, hue, saturation uint16) {
	s := c.S / 100
	share := 1 - s/2
	value := scaleOf(r, share).lightness(brightness) / maxLightness
	l := value * share
	if room := min(l, 1-l); room > 0 {
		saturation = sixteen((value - l) / room * maxLightness)
	}
	// 360° is 0° again.
	hue = uint16(uint32(math.Round(c.H/360*hueCircle)) % hueCircle)
	return sixteen(l * maxLightness), hue, saturation
}

// fromHSL is toHSL backwards, for a lightness that is not 0.
//
//	V = L + S' min(L, 1-L)    S = 2 (1 - L/V)
func fromHSL(lightness, hue, saturation uint16, r device.Range) (int, Color) {
	l := float64(lightness) / maxLightness
	value := l + float64(saturation)/maxLightness*min(l, 1-l)
	s := 2 * (1 - l/value)
	c := Color{H: places(float64(hue)/hueCircle*360, 2), S: places(s*100, 1)}
	if c.H >= 360 {
		c.H = 0
	}
	return scaleOf(r, 1-s/2).brightness(value * maxLightness), c
}

// sixteen is the nearest number of 16 bits.
func sixteen(v float64) uint16 { return uint16(math.Round(max(0, min(v, maxLightness)))) }

// places rounds to digits behind the point.
func places(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

// fromLevel and toLevel convert between Generic Level and lightness (Mesh
// Model 1.1, section 6.1.2.2.3).
func fromLevel(level int16) uint16   { return uint16(int32(level) + 0x8000) }
func toLevel(lightness uint16) int16 { return int16(int32(lightness) - 0x8000) }

// rgbColor is the hue and saturation of red, green and blue in any one unit;
// false for black, which has neither.
func rgbColor(r, g, b float64) (Color, bool) {
	high, low := max(r, g, b), min(r, g, b)
	if high <= 0 {
		return Color{}, false
	}
	c := Color{S: (high - low) / high * 100}
	if chroma := high - low; chroma > 0 {
		switch high {
		case r:
			c.H = (g - b) / chroma
		case g:
			c.H = 2 + (b-r)/chroma
		default:
			c.H = 4 + (r-g)/chroma
		}
		c.H = math.Mod(c.H*60+360, 360)
	}
	return c, true
}

// xyColor is the hue and saturation of CIE 1931 coordinates, as far as sRGB
// reaches; false where y is 0.
func xyColor(x, y float64) (Color, bool) {
	if y <= 0 {
		return Color{}, false
	}
	bigX, bigZ := x/y, (1-x-y)/y // with Y = 1
	linear := [3]float64{
		3.2406*bigX - 1.5372 - 0.4986*bigZ,
		-0.9689*bigX + 1.8758 + 0.0415*bigZ,
		0.0557*bigX - 0.2040 + 1.0570*bigZ,
	}
	high := max(linear[0], linear[1], linear[2])
	for i, v := range linear {
		v = max(0, v/high)
		if v <= 0.0031308 {
			linear[i] = 12.92 * v
		} else {
			linear[i] = 1.055*math.Pow(v, 1/2.4) - 0.055
		}
	}
	return rgbColor(linear[0], linear[1], linear[2])
}

const expectedColor = `{"h":0 to 360,"s":0 to 100} (or {"r","g","b"}, {"x","y"}, "#rrggbb")`

// coordinate is a number of a colour, with the keys that it may have.
type coordinate struct {
	keys []string
	most float64
}

// colorSpace is a way to write a colour: its coordinates, and the colour that
// they are, false if they are none.
type colorSpace struct {
	coordinates []coordinate
	color       func(v []float64) (Color, bool)
}

func colorSpaces() []colorSpace {
	return []colorSpace{
		{[]coordinate{{[]string{"h", "hue"}, 360}, {[]string{"s", "saturation"}, 100}}, func(v []float64) (Color, bool) {
			return Color{v[0], v[1]}, true
		}},
		{[]coordinate{{[]string{"r"}, 255}, {[]string{"g"}, 255}, {[]string{"b"}, 255}}, func(v []float64) (Color, bool) {
			return rgbColor(v[0], v[1], v[2])
		}},
		{[]coordinate{{[]string{"x"}, 1}, {[]string{"y"}, 1}}, func(v []float64) (Color, bool) {
			return xyColor(v[0], v[1])
		}},
	}
}

// readColor reads a colour of a command. The result is a Color.
func readColor(name string, raw json.RawMessage) (any, error) {
	refused := Wrong(name, expectedColor, raw)
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return hexColor(text, refused)
	}
	var parts map[string]json.RawMessage
	if json.Unmarshal(raw, &parts) != nil || parts == nil {
		return nil, refused
	}
	if value, ok := parts["hex"]; ok && len(parts) == 1 && json.Unmarshal(value, &text) == nil {
		return hexColor(text, refused)
	}
	for _, space := range colorSpaces() {
		values, err := space.take(name, parts)
		switch {
		case err != nil:
			return nil, err
		case len(values) == 0:
			continue
		case len(values) != len(space.coordinates) || len(parts) > 0:
			return nil, refused
		}
		if c, ok := space.color(values); ok {
			return c, nil
		}
		return nil, refused
	}
	return nil, refused
}

// take takes the coordinates of a space out of parts, as far as they are there.
func (s colorSpace) take(name string, parts map[string]json.RawMessage) ([]float64, error) {
	var values []float64
	for _, c := range s.coordinates {
		for _, key := range c.keys {
			raw, ok := parts[key]
			if !ok {
				continue
			}
			delete(parts, key)
			v, err := readNumber(name+"."+key, raw, Range{0, c.most}, "")
			if err != nil {
				return nil, err
			}
			values = append(values, v)
			break
		}
	}
	return values, nil
}

func hexColor(text string, refused error) (any, error) {
	digits, ok := strings.CutPrefix(text, "#")
	v, err := strconv.ParseUint(digits, 16, 24)
	if !ok || err != nil || len(digits) != 6 {
		return nil, refused
	}
	c, ok := rgbColor(float64(v>>16), float64(v>>8&0xFF), float64(v&0xFF))
	if !ok {
		return nil, refused
	}
	return c, nil
}
