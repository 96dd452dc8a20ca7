#!/bin/sh
# SPDX-License-Identifier: MIT
# As Google's command of that name: /proc/sys/NAME=VALUE, for the module (docs/packetdrill.md).
exec sysctl "$@"
