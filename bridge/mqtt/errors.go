package mqtt

// Problem is the kind of reason for which a connection could not be made.
type Problem uint8

// The problems that callers tell apart.
const (
	Other          Problem = iota
	Refused                // nothing listens there
	UnknownHost            // DNS has no such name
	Unreachable            // no route, network down
	TimedOut               // no answer in time
	Certificate            // the broker's certificate is not trusted
	NotTLS                 // TLS spoken to a port that does not, or the other way round
	Credentials            // wrong user name or password
	NotAuthorised          // user may not connect
	ClientRejected         // client id or protocol version not accepted
	Unavailable            // broker says that it cannot serve now
)

// ConnectError says what went wrong, where, and what to do.
type ConnectError struct {
	Problem Problem
	Broker  string // URL without password
	Advice  string
	Err     error
}

// Error is one line: what, where, why, and what to do.
func (e *ConnectError) Error() string { panic("TODO") }

// Unwrap gives the cause.
func (e *ConnectError) Unwrap() error { return e.Err }
