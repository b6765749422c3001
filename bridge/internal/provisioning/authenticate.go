package provisioning

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/crypto"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/node"
	"github.com/btmesh2mqtt/btmesh2mqtt/mesh/provision"

	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/document"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/internal/fault"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/request"
	"github.com/btmesh2mqtt/btmesh2mqtt/bridge/schema"
)

// This file has the authentication of devices: what a request allows, and what the user
// has to do.

// options checks a request.
func (p *Part) options(in *provisionIn) (Options, error) {
	o := Options{UUID: in.UUID, Name: in.Name, Attention: in.Attention, NetKey: in.NetKey, Bearer: bearerOf(in.Bearer)}
	if err := p.h.Own.CheckSubnet(o.NetKey); err != nil {
		return o, err
	}
	if in.NDEF != "" {
		uuid, err := uuidOfTag(in.NDEF)
		if err != nil {
			return o, fault.New("bad_value", "ndef: %w", err)
		}
		if !in.UUID.IsZero() && in.UUID != uuid {
			return o, fault.New("bad_value", "ndef: expected the tag of %s, got that of %s", in.UUID, uuid)
		}
		o.UUID = uuid
	}
	policy, err := p.policy(&in.OOB)
	if err != nil {
		return o, err
	}
	o.Policy = policy
	if o.Certificate, err = p.certificate(in.Certificate); err != nil {
		return o, err
	}
	if o.Certificate != nil && policy.PublicKey != nil {
		return o, fault.New("bad_value", "certificate: expected it without oob.public_key, for the public key is in it")
	}
	if in.Via != "" {
		d, err := p.h.Devices.Named("via", string(in.Via))
		if err != nil {
			return o, err
		}
		o.Via = d.Record.Address
		return o, nil
	}
	o.Via = p.unprovisioned.Nearest(o.UUID)
	return o, nil
}

// bearerOf reads the bearer of a request.
func bearerOf(name string) node.BearerChoice {
	switch name {
	case "pb-adv":
		return node.OnlyPBADV
	case "pb-gatt":
		return node.OnlyPBGATT
	default:
		return node.AnyBearer
	}
}

// uuidOfTag reads the UUID from an NFC tag.
func uuidOfTag(digits string) (mesh.UUID, error) {
	octets, err := hex.DecodeString(digits)
	if err != nil {
		return mesh.UUID{}, fmt.Errorf("expected hexadecimal digits")
	}
	uri, err := provision.ParseURIRecord(octets)
	if err != nil {
		return mesh.UUID{}, err
	}
	return provision.UUIDOf(uri)
}

// policy is what a request allows. If it names no method, that is No OOB, or the
// strongest method that there is if the device or the configuration requires one.
func (p *Part) policy(in *oobIn) (*provision.Policy, error) {
	policy := &provision.Policy{Static: p.cfg.StaticOOB, Size: in.Size}
	if in.Static != "" {
		const longest = 32
		value, err := hex.DecodeString(in.Static)
		if err != nil || len(value) == 0 || len(value) > longest {
			return nil, fault.New("bad_value", "oob.static: expected 1 to %d octets as hexadecimal digits", longest)
		}
		policy.Static = value
	}
	if in.PublicKey != "" {
		var key crypto.PublicKey
		octets, err := hex.DecodeString(in.PublicKey)
		if err != nil || len(octets) != len(key) {
			return nil, fault.New("bad_value", "oob.public_key: expected %d octets as hexadecimal digits: X, then Y", len(key))
		}
		copy(key[:], octets)
		policy.PublicKey = &key
	}
	methods := map[string]provision.Methods{
		"auto": provision.AllMethods, "none": provision.MethodsOf(provision.NoOOB),
		"static": provision.MethodsOf(provision.StaticOOB), "output": provision.MethodsOf(provision.OutputOOB),
		"input": provision.MethodsOf(provision.InputOOB),
	}
	switch allowed, known := methods[in.Method]; {
	case known:
		policy.Allowed = allowed
	case in.Static != "":
		policy.Allowed = methods["static"]
	default:
		policy.Allowed, policy.LeastEffort = provision.AllMethods, true
	}
	if p.cfg.RequireOOB {
		if in.Method == "none" {
			return nil, fault.New("bad_value", "oob.method: expected a way to authenticate the device, the configuration forbids to go without one (mesh.provision.allow_no_oob)")
		}
		policy.Allowed &^= provision.MethodsOf(provision.NoOOB)
	}
	if in.Method == "static" && policy.Static == nil {
		return nil, fault.New("bad_value", "oob.static: expected the value that is printed on the device, got nothing")
	}
	return policy, restrict(policy, in)
}

// restrict allows one action and size only.
func restrict(p *provision.Policy, in *oobIn) error {
	if in.Action == "" {
		if in.Size != 0 && in.Method != "output" && in.Method != "input" && in.Method != "auto" {
			return fault.New("bad_value", "oob.size: expected together with the method output, input or auto")
		}
		return nil
	}
	method := provision.OutputOOB
	switch in.Method {
	case "output":
	case "input":
		method = provision.InputOOB
	default:
		return fault.New("bad_value", "oob.action: expected together with the method output or input")
	}
	action, err := method.ParseAction(in.Action)
	if err != nil {
		text := strings.TrimPrefix(err.Error(), "provision: ")
		if schema.LooksLikeKey(in.Action) { // the value of another field, perhaps
			text, _, _ = strings.Cut(text, ", got ")
		}
		return fault.New("bad_value", "oob.action: %s", text)
	}
	p.Action = &action
	return nil
}

// certificate reads true or PEM.
func (p *Part) certificate(raw json.RawMessage) (*node.Certificate, error) {
	var text string
	var carried bool
	switch {
	case len(raw) == 0 || bytes.Equal(raw, []byte("null")):
		return nil, nil
	case json.Unmarshal(raw, &carried) == nil:
		if !carried {
			return nil, nil
		}
	case json.Unmarshal(raw, &text) != nil:
		return nil, fault.New("bad_value", "certificate: expected true for the one that the device carries, or a text in PEM")
	}
	c := &node.Certificate{Anchors: p.cfg.TrustAnchors}
	if c.Anchors == nil {
		return nil, fault.New("bad_value", "certificate: expected certificates to trust; name a file of them in mesh.provision.trust_anchors")
	}
	if text != "" {
		records, err := provision.ParseCertificates([]byte(text))
		if err != nil {
			return nil, fault.New("bad_value", "certificate: %s", strings.TrimPrefix(err.Error(), "provision: "))
		}
		c.Records = records
	}
	return c, nil
}

// stepped publishes a step of a provisioning, and what the user has to do for it.
func (p *Part) stepped(in node.ProvisioningStep) {
	p.log(in)
	step := document.DeviceProvisioning{UUID: in.UUID, Step: in.Step}
	if c := in.Offers; c != nil {
		step.Elements, step.Offers = c.Elements, c.String()
	}
	if m := in.Start; m != nil {
		step.Algorithm, step.Method, step.PublicKeyOOB = m.Algorithm.String(), m.Method.String(), &m.OOBPublicKey
	}
	if prompt := in.Prompt; prompt != nil {
		step.Method, step.Action, step.Size = prompt.Method.String(), prompt.Method.ActionName(prompt.Action), prompt.Size
		step.ValueType = "number"
		if prompt.IsText() {
			step.ValueType = "text"
		}
		step.Instruction, step.Value = prompt.String(), prompt.Value
		p.h.Log.Info().Stringer("uuid", in.UUID).Msg("a device waits for its user: see " + p.h.Topics.Bridge("event"))
	}
	p.h.Publisher.Notify(step)
}

// requestOOB passes on the value that the device shows.
func (p *Part) requestOOB(c *request.Call[uuidOut], in oobValueIn) {
	var value string
	var number json.Number
	switch {
	case json.Unmarshal(in.Value, &value) == nil:
	case json.Unmarshal(in.Value, &number) == nil:
		value = number.String()
	default:
		c.Fail(fault.New("bad_value", "value: expected what the device shows, a text or a number"))
		return
	}
	p.h.Loop.Go(func(ctx context.Context) {
		err := p.h.Mesh.ProvisioningInput(ctx, in.UUID, value)
		p.h.Loop.Post(func() { c.Answer(&uuidOut{UUID: in.UUID}, err) })
	})
}

// requestCancel ends a provisioning.
func (p *Part) requestCancel(c *request.Call[uuidOut], in cancelIn) {
	p.h.Loop.Go(func(ctx context.Context) {
		err := p.h.Mesh.CancelProvisioning(ctx, in.UUID, "the provisioning was cancelled by "+p.h.Topics.Bridge("request/device/provision_cancel"))
		p.h.Loop.Post(func() { c.Answer(&uuidOut{UUID: in.UUID}, err) })
	})
}

// methodsOf lists how a policy may authenticate, for the log.
func methodsOf(p *provision.Policy) []string {
	var words []string
	for m := provision.NoOOB; m <= provision.InputOOB; m++ {
		if p.Allowed.Has(m) {
			words = append(words, m.String())
		}
	}
	return words
}

// log writes a step of a provisioning to the debug log.
func (p *Part) log(in node.ProvisioningStep) {
	e := p.h.Log.Debug()
	if name := p.h.Devices.Reserved(in.UUID); name != "" {
		e.Str("device", name)
	}
	e.Stringer("uuid", in.UUID).Str("step", in.Step).Msg("provisioning")
}
