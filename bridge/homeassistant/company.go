package homeassistant

import (
	"fmt"

	"github.com/btmesh2mqtt/btmesh2mqtt/mesh"
)

// manufacturer is the name of a company of the Assigned Numbers that makes mesh
// devices, or the number of another company.
func manufacturer(c mesh.CompanyID) string {
	if name, ok := companies[c]; ok {
		return name
	}
	return fmt.Sprintf("Company 0x%04X", uint16(c))
}

var companies = map[mesh.CompanyID]string{
	0x0002: "Intel",
	0x000D: "Texas Instruments",
	0x000F: "Broadcom",
	0x0030: "STMicroelectronics",
	0x0046: "MediaTek",
	0x0059: "Nordic Semiconductor",
	0x005D: "Realtek",
	0x0131: "Cypress Semiconductor",
	0x0136: "Silvair",
	0x01A8: "Alibaba",
	0x0211: "Telink Semiconductor",
	0x02E5: "Espressif",
	0x02FF: "Silicon Labs",
	0x038F: "Xiaomi",
	0x05F1: "Linux Foundation",
	0x060F: "Signify",
	0x07D0: "Tuya",
	0xFFFF: "Bluetooth Mesh", // for tests; no company has it
}
