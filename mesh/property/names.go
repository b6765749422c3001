package property

// Identifiers of properties that code uses by name.
const (
	DeviceFirmwareRevision                              ID = 0x000E
	DeviceHardwareRevision                              ID = 0x0010
	DeviceManufacturerName                              ID = 0x0011
	DeviceModelNumber                                   ID = 0x0012
	DeviceSerialNumber                                  ID = 0x0019
	DeviceSoftwareRevision                              ID = 0x001A
	LightControlAmbientLuxLevelOn                       ID = 0x002B
	LightControlAmbientLuxLevelProlong                  ID = 0x002C
	LightControlAmbientLuxLevelStandby                  ID = 0x002D
	LightControlLightnessOn                             ID = 0x002E
	LightControlLightnessProlong                        ID = 0x002F
	LightControlLightnessStandby                        ID = 0x0030
	LightControlRegulatorAccuracy                       ID = 0x0031
	LightControlRegulatorKid                            ID = 0x0032
	LightControlRegulatorKiu                            ID = 0x0033
	LightControlRegulatorKpd                            ID = 0x0034
	LightControlRegulatorKpu                            ID = 0x0035
	LightControlTimeFade                                ID = 0x0036
	LightControlTimeFadeOn                              ID = 0x0037
	LightControlTimeFadeStandbyAuto                     ID = 0x0038
	LightControlTimeFadeStandbyManual                   ID = 0x0039
	LightControlTimeOccupancyDelay                      ID = 0x003A
	LightControlTimeProlong                             ID = 0x003B
	LightControlTimeRunOn                               ID = 0x003C
	MotionSensed                                        ID = 0x0042
	MotionThreshold                                     ID = 0x0043
	PeopleCount                                         ID = 0x004C
	PresenceDetected                                    ID = 0x004D
	PresentAmbientLightLevel                            ID = 0x004E
	PresentAmbientTemperature                           ID = 0x004F
	PresentDeviceInputPower                             ID = 0x0052
	PresentDeviceOperatingTemperature                   ID = 0x0054
	PresentIlluminance                                  ID = 0x0055
	PresentIndoorAmbientTemperature                     ID = 0x0056
	PresentInputCurrent                                 ID = 0x0057
	PresentInputVoltage                                 ID = 0x0059
	TimeSinceMotionSensed                               ID = 0x0068
	TimeSincePresenceDetected                           ID = 0x0069
	TotalDeviceEnergyUse                                ID = 0x006A
	DesiredAmbientTemperature                           ID = 0x0071
	PreciseTotalDeviceEnergyUse                         ID = 0x0072
	PrecisePresentAmbientTemperature                    ID = 0x0075
	PresentAmbientRelativeHumidity                      ID = 0x0076
	PresentAmbientCarbonDioxideConcentration            ID = 0x0077
	PresentAmbientVolatileOrganicCompoundsConcentration ID = 0x0078
	PresentAmbientNoise                                 ID = 0x0079
	AirPressure                                         ID = 0x0082
	Pressure                                            ID = 0x00A9
)
