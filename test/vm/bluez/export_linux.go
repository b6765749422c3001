package bluez

import (
	"errors"
	"fmt"
	"time"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/godbus/dbus/v5"
)

// Where the application has its objects.
const (
	rootPath        = dbus.ObjectPath("/btmesh2mqtt")
	applicationPath = rootPath + "/application"
	agentPath       = rootPath + "/agent"
)

func elementPath(index int) dbus.ObjectPath {
	return dbus.ObjectPath(fmt.Sprintf("%s/element%02x", rootPath, index))
}

// Interfaces of the objects.
const (
	application1    = "org.bluez.mesh.Application1"
	provisioner1    = "org.bluez.mesh.Provisioner1"
	element1        = "org.bluez.mesh.Element1"
	provisionAgent1 = "org.bluez.mesh.ProvisionAgent1"
	objectManager   = "org.freedesktop.DBus.ObjectManager"
	properties      = "org.freedesktop.DBus.Properties"
)

// object is what the daemon reads of an object: properties by interface.
type object map[string]map[string]dbus.Variant

// export puts the objects on the bus.
func (a *Application) export() error {
	objects := a.objects()
	all := []error{
		a.conn.Export(manager{objects}, rootPath, objectManager),
		a.conn.Export(application{a}, applicationPath, application1),
		a.conn.Export(agent{a}, agentPath, provisionAgent1),
	}
	if a.device.Provisioner != nil {
		all = append(all, a.conn.Export(provisioner{a}, applicationPath, provisioner1))
	}
	for i := range a.device.Elements {
		all = append(all, a.conn.Export(element{}, elementPath(i), element1))
	}
	for path, o := range objects {
		all = append(all, a.conn.Export(reader{o}, path, properties))
	}
	return errors.Join(all...)
}

func (a *Application) objects() map[dbus.ObjectPath]object {
	d := a.device
	of := map[string]dbus.Variant{
		"CompanyID": dbus.MakeVariant(d.Company),
		"ProductID": dbus.MakeVariant(d.Product),
		"VersionID": dbus.MakeVariant(d.Version),
	}
	if d.CRPL != 0 {
		of["CRPL"] = dbus.MakeVariant(d.CRPL)
	}
	objects := map[dbus.ObjectPath]object{
		applicationPath: {application1: of},
		agentPath:       {provisionAgent1: d.Provisioning.properties()},
	}
	if d.Provisioner != nil {
		objects[applicationPath][provisioner1] = map[string]dbus.Variant{}
	}
	for i, e := range d.Elements {
		objects[elementPath(i)] = object{element1: e.properties(i)}
	}
	return objects
}

func (e Element) properties(index int) map[string]dbus.Variant {
	type options map[string]dbus.Variant
	type model struct {
		ID      uint16
		Options options
	}
	type vendorModel struct {
		Company, ID uint16
		Options     options
	}
	models, vendor := []model{}, []vendorModel{}
	for _, m := range e.Models {
		if m.IsVendor() {
			vendor = append(vendor, vendorModel{uint16(m.Company()), m.Number(), options{}})
		} else {
			models = append(models, model{m.Number(), options{}})
		}
	}
	return map[string]dbus.Variant{
		"Index":        dbus.MakeVariant(uint8(index)),
		"Location":     dbus.MakeVariant(e.Location),
		"Models":       dbus.MakeVariant(models),
		"VendorModels": dbus.MakeVariant(vendor),
	}
}

// manager is the ObjectManager.
type manager struct{ objects map[dbus.ObjectPath]object }

func (m manager) GetManagedObjects() (map[dbus.ObjectPath]object, *dbus.Error) {
	return m.objects, nil
}

// reader is the Properties of an object.
type reader struct{ object object }

func (r reader) GetAll(name string) (map[string]dbus.Variant, *dbus.Error) {
	return r.object[name], nil
}

func (r reader) Get(name, property string) (dbus.Variant, *dbus.Error) {
	v, ok := r.object[name][property]
	if !ok {
		return v, dbus.MakeFailedError(fmt.Errorf("no property %s of %s", property, name))
	}
	return v, nil
}

// application is Application1.
type application struct{ *Application }

func (a application) JoinComplete(token uint64) *dbus.Error {
	a.update(func() { a.token, a.joined = token, true })
	return nil
}

func (a application) JoinFailed(reason string) *dbus.Error {
	a.update(func() { a.failed = reason })
	return nil
}

// element is Element1. What it is told has been noted by intercept.
type element struct{}

func (element) MessageReceived(uint16, uint16, dbus.Variant, []byte) *dbus.Error     { return nil }
func (element) DevKeyMessageReceived(uint16, bool, uint16, []byte) *dbus.Error       { return nil }
func (element) UpdateModelConfiguration(uint16, map[string]dbus.Variant) *dbus.Error { return nil }

// intercept sees all that comes, in order: the library runs each method that is
// called in a goroutine of its own.
func (a *Application) intercept(in *dbus.Message) {
	name, _ := in.Headers[dbus.FieldInterface].Value().(string)
	if in.Type != dbus.TypeMethodCall || name != element1 {
		return
	}
	method, _ := in.Headers[dbus.FieldMember].Value().(string)
	path, _ := in.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	index := -1
	for i := range a.device.Elements {
		if path == elementPath(i) {
			index = i
		}
	}
	if index < 0 {
		return
	}
	m := Message{Element: index, Time: time.Now()}
	switch method {
	case "MessageReceived":
		var destination dbus.Variant
		if dbus.Store(in.Body, (*uint16)(&m.Source), (*uint16)(&m.Key), &destination, &m.Data) != nil {
			return
		}
		switch to := destination.Value().(type) {
		case uint16:
			m.Destination = mesh.Address(to)
		case []byte:
			copy(m.Label[:], to)
		}
	case "DevKeyMessageReceived":
		m.DeviceKey = true
		if dbus.Store(in.Body, (*uint16)(&m.Source), &m.Remote, (*uint16)(&m.Key), &m.Data) != nil {
			return
		}
	case "UpdateModelConfiguration":
		var id uint16
		var config map[string]dbus.Variant
		if dbus.Store(in.Body, &id, &config) == nil {
			a.update(func() { a.configurations = append(a.configurations, configuration(index, id, config)) })
		}
		return
	default:
		return
	}
	a.update(func() { a.messages = append(a.messages, m) })
}

// configuration reads the dictionary of a model.
func configuration(index int, id uint16, config map[string]dbus.Variant) Configuration {
	c := Configuration{Element: index, Model: mesh.SIGModel(id)}
	if vendor, ok := config["Vendor"].Value().(uint16); ok {
		c.Model = mesh.VendorModel(mesh.CompanyID(vendor), id)
	}
	if period, ok := config["PublicationPeriod"].Value().(uint32); ok {
		c.Period = time.Duration(period) * time.Millisecond
	}
	bindings, _ := config["Bindings"].Value().([]uint16)
	for _, key := range bindings {
		c.Bindings = append(c.Bindings, mesh.KeyIndex(key))
	}
	subscriptions, _ := config["Subscriptions"].Value().([]dbus.Variant)
	for _, s := range subscriptions {
		switch to := s.Value().(type) {
		case uint16:
			c.Subscriptions = append(c.Subscriptions, mesh.Address(to))
		case []byte:
			c.Labels = append(c.Labels, mesh.UUID(to))
		}
	}
	return c
}
