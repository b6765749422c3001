// Package property describes device properties: the meaning of the values in
// sensor and property messages (Device Properties 2, and the characteristics of
// the GATT Specification Supplement that it refers to).
//
//	Property ID 16 ──▶ format (octets, sign, parts) ──▶ numbers in a unit
//
// All values are little-endian. The message, not the table, gives the length of
// a value: a newer, longer form of a property is reported as raw octets and
// does not shift what follows it.
package property
