package commission

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/light"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/model/sensor"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/transport"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/device"
)

// readDetails asks the servers of the node for their ranges and sensors. A server
// that does not answer gets the defaults, and the same model on other elements is not
// asked, because waiting for answers takes long. If no server answers, the interview
// fails.
func (c *configurator) readDetails(ctx context.Context) error {
	const enough = 2
	silent, answered := map[mesh.ModelID]bool{}, 0
	for index, element := range c.result.Composition.Elements {
		to := destination{
			address: c.peer.Address + mesh.Address(index),
			netKey:  c.NetKey,
			key:     transport.Key{App: c.AppKey},
		}
		for _, model := range element.Models {
			at := instance{to.address, model}
			if silent[model] || c.unbound[at] {
				continue
			}
			asked, err := c.readModel(ctx, to, index, model)
			switch {
			case errors.Is(err, node.ErrNoResponse):
				silent[model] = true
				c.skip("details", at, err)
			case err != nil:
				return fmt.Errorf("commission: details of model %s on %s: %w", model, to.address, err)
			case asked:
				answered++
			}
			if answered == 0 && len(silent) >= enough {
				return fmt.Errorf("commission: %s answers none of the questions about its models: %w", c.peer.Address, err)
			}
		}
	}
	c.did("details")
	return nil
}

// readModel asks one server, and reports whether there was anything to ask.
func (c *configurator) readModel(ctx context.Context, to destination, index int, model mesh.ModelID) (bool, error) {
	d := &c.result.Details
	switch model {
	case light.LightnessServerID:
		s, err := ask[light.LightnessRangeStatus](ctx, c, to, &light.LightnessRangeGet{}, nil)
		if err != nil {
			return true, err
		}
		put(&d.Lightness, index, device.Range{Min: s.RangeMin, Max: s.RangeMax})
	case light.CTLServerID:
		s, err := ask[light.CTLTemperatureRangeStatus](ctx, c, to, &light.CTLTemperatureRangeGet{}, nil)
		if err != nil {
			return true, err
		}
		// A lamp may not know its own range: 0xFFFF.
		if s.RangeMin != light.UnknownTemperature && s.RangeMax != light.UnknownTemperature {
			put(&d.Temperature, index, device.Range{Min: s.RangeMin, Max: s.RangeMax})
		}
	case sensor.ServerID:
		s, err := ask[sensor.DescriptorStatus](ctx, c, to, &sensor.DescriptorGet{}, nil)
		if err != nil {
			return true, err
		}
		properties := make([]uint16, 0, len(s.Descriptors))
		for _, descriptor := range s.Descriptors {
			properties = append(properties, uint16(descriptor.PropertyID))
		}
		slices.Sort(properties)
		put(&d.Sensors, index, slices.Compact(properties))
	default:
		return false, nil
	}
	return true, nil
}

func put[V any](m *map[int]V, index int, value V) {
	if *m == nil {
		*m = map[int]V{}
	}
	(*m)[index] = value
}
