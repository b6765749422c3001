// Package document has the types of the JSON that the bridge publishes, one for
// every topic, and describes them ([Topics], [Events]): the page about the MQTT
// API and the JSON Schemas are derived from the same types that are published.
//
//	B/bridge/state                State             retained, also the will
//	B/bridge/info                 Info              retained
//	B/bridge/health               Health            retained, every minute
//	B/bridge/devices              []Device          retained
//	B/bridge/unprovisioned        []Unprovisioned   retained
//	B/bridge/event                Event             once
//	B/bridge/logging              Logging           once
//	B/bridge/response/NAME        Response          once
//	B/N                           the state of a device, see package translate; retained
//	B/N/availability              State             retained
//	B/N/set/response              CommandResponse   once
//	B/N/event                     DeviceEvent       once
//	B/N/message                   DeviceMessage     once
//
// See package schema for the tags. The order of the fields is that of the JSON,
// which clients may compare: do not change it.
package document
