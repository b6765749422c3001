// Package property knows the device properties: what a value of a sensor or of
// a property message means (Device Properties 2, and the characteristics of
// the GATT Specification Supplement that it refers to).
//
//	Property ID 16 ──▶ format (octets, sign, parts) ──▶ numbers in a unit
//
// All values are little endian. How long a value is says the message that
// carries it, not the table: a newer, longer form of a property is reported as
// raw octets and does not shift what comes after it.
package property
