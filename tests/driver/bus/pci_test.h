#pragma once
// What the driver and the simulation of the lamp agree on.

#define LAMP_VENDOR 0x1234
#define LAMP_DEVICE 0x0042
#define LAMP_CONTROL 0
#define LAMP_STATUS 4
#define LAMP_ON 1
