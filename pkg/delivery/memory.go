package delivery

import "runtime/debug"

// CollectOften has the garbage collector let a program grow by half of what it holds, and not by all: reading a large
// delivery holds about 120 MB. It takes a hundredth of the reading's time more. gogc is the variable GOGC of the
// environment, which overrides it.
func CollectOften(gogc string) {
	if gogc == "" {
		debug.SetGCPercent(50)
	}
}
