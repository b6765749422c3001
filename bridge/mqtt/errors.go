package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// Problem is the kind of reason for which a connection could not be made.
type Problem uint8

// The problems that callers tell apart.
const (
	Other          Problem = iota
	Refused                // nothing listens there
	UnknownHost            // DNS has no such name
	Unreachable            // no route, network down
	TimedOut               // no answer in time
	Certificate            // the broker's certificate is not trusted, or ours is not
	NotTLS                 // TLS on a port without it, or the other way round
	Credentials            // wrong user name or password
	NotAuthorised          // this user may not connect
	ClientRejected         // client id or protocol version not accepted
	Unavailable            // broker says that it cannot serve now
)

// permanent reports the problems that only a person can end.
func (p Problem) permanent() bool {
	//exhaustive:enforce
	switch p {
	case Certificate, NotTLS, Credentials, NotAuthorised, ClientRejected:
		return true
	case Other, Refused, UnknownHost, Unreachable, TimedOut, Unavailable:
	}
	return false
}

// ConnectError says what went wrong, where, and what to do.
type ConnectError struct {
	Problem Problem
	Broker  string // URL without password
	What    string // in words
	Advice  string // what to do; may be empty
	Err     error
}

// Error is one line: where, what, why, and what to do.
func (e *ConnectError) Error() string {
	s := "mqtt: " + e.Broker + ": " + e.What
	if e.Problem == Other || e.Problem == Certificate {
		s += ": " + e.Err.Error()
	}
	if e.Advice != "" {
		s += ": " + e.Advice
	}
	return s
}

// Unwrap gives the cause.
func (e *ConnectError) Unwrap() error { return e.Err }

// diagnose finds out what an attempt failed of.
func diagnose(err error, broker *url.URL, o Options) *ConnectError {
	e := &ConnectError{Broker: broker.String(), Err: err}
	if !e.fromBroker(o) && !e.fromTLS(broker) {
		e.fromNetwork(broker)
	}
	return e
}

func (e *ConnectError) set(p Problem, what, advice string) bool {
	e.Problem, e.What, e.Advice = p, what, advice
	return true
}

// fromBroker reads the return code of CONNACK (MQTT 3.1.1 section 3.2.2.3).
func (e *ConnectError) fromBroker(o Options) bool {
	switch {
	case errors.Is(e.Err, packets.ErrorRefusedBadUsernameOrPassword):
		return e.set(Credentials, "the broker does not accept the user name or password", credentialsAdvice(o))
	case errors.Is(e.Err, packets.ErrorRefusedNotAuthorised):
		// Mosquitto answers a wrong password with this code.
		return e.set(NotAuthorised, "the broker does not let us in", credentialsAdvice(o))
	case errors.Is(e.Err, packets.ErrorRefusedIDRejected):
		return e.set(ClientRejected, fmt.Sprintf("the broker does not accept the client id %q", o.ClientID),
			"choose another mqtt.client_id")
	case errors.Is(e.Err, packets.ErrorRefusedBadProtocolVersion):
		return e.set(ClientRejected, "the broker does not support MQTT 3.1.1", "allow that version at the broker")
	case errors.Is(e.Err, packets.ErrorRefusedServerUnavailable):
		return e.set(Unavailable, "the broker says that it cannot serve at the moment", "")
	}
	return false
}

func credentialsAdvice(o Options) string {
	if o.Username == "" {
		return "no user name is set; set mqtt.username and mqtt.password, or allow anonymous clients at the broker"
	}
	return fmt.Sprintf("check mqtt.username (%q) and mqtt.password against the broker's users and access rules", o.Username)
}

// fromTLS knows the ways in which a handshake fails.
func (e *ConnectError) fromTLS(broker *url.URL) bool {
	var (
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		alert    tls.AlertError
		record   tls.RecordHeaderError
		inside   *handshakeError
	)
	switch {
	case errors.As(e.Err, &unknown):
		return e.set(Certificate, "the broker's certificate is signed by an unknown authority",
			"set mqtt.tls.ca to the file of the authority's certificate")
	case errors.As(e.Err, &hostname):
		return e.set(Certificate, "the broker's certificate is for another name",
			"use that name in mqtt.url, or set mqtt.tls.server_name to it")
	case errors.As(e.Err, &invalid) && invalid.Reason == x509.Expired:
		return e.set(Certificate, "the broker's certificate has expired or is not valid yet",
			"renew it, and check this machine's clock")
	case errors.As(e.Err, &invalid):
		return e.set(Certificate, "the broker's certificate is not valid", "")
	case errors.As(e.Err, &alert):
		return e.set(Certificate, "the broker ended the TLS handshake",
			"it may want a client certificate: check mqtt.tls.cert and mqtt.tls.key")
	case errors.As(e.Err, &record), errors.As(e.Err, &inside) && hungUp(e.Err):
		return e.set(NotTLS, "this port does not use TLS", "use tcp:// (often port 1883), or the broker's TLS port (often 8883)")
	case !encrypted(broker.Scheme) && hungUp(e.Err):
		return e.set(NotTLS, "the broker hung up without an answer", "if this is its TLS port use mqtts://, otherwise see the broker's log")
	}
	return false
}

// hungUp reports that the peer closed an open connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

func (e *ConnectError) fromNetwork(broker *url.URL) bool {
	var (
		dns     *net.DNSError
		timeout net.Error
	)
	switch {
	case errors.As(e.Err, &dns):
		return e.set(UnknownHost, fmt.Sprintf("the host name %q cannot be found", broker.Hostname()),
			"check mqtt.url, and this machine's DNS")
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return e.set(Refused, "connection refused, nothing listens there",
			"is the broker running, and are host and port in mqtt.url right?")
	case errors.Is(e.Err, os.ErrNotExist):
		return e.set(Refused, "there is no such socket", "is the broker running, and is the path in mqtt.url right?")
	case errors.Is(e.Err, syscall.EHOSTUNREACH), errors.Is(e.Err, syscall.ENETUNREACH), errors.Is(e.Err, syscall.ENETDOWN):
		return e.set(Unreachable, "the host cannot be reached", "check this machine's network")
	case errors.Is(e.Err, context.DeadlineExceeded), errors.Is(e.Err, os.ErrDeadlineExceeded),
		errors.As(e.Err, &timeout) && timeout.Timeout():
		return e.set(TimedOut, "no answer in time", "check host, port and firewall; for a slow link raise mqtt.connect_timeout")
	}
	return e.set(Other, "cannot connect", "")
}
