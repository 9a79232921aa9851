# The commands of the README. Each installs what is missing first and says so.

.DEFAULT_GOAL := help
.PHONY: help demo test measure soak vm-test install-udev uninstall-udev

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: ## Two rooms meet: opens both windows, or plays and checks a meeting by itself (HEADLESS=1)
	@tests/scripts/demo.sh

test: ## All tests, with formatting, clippy and documentation
	@tests/scripts/test.sh

vm-test: ## The tests on real kernel drivers in a virtual machine, alone
	@tests/scripts/vm-test.sh

measure: ## One measurement: make measure NAME=meet|relay|video|devices|congestion|loss
	@tests/scripts/measure.sh "$(NAME)"

soak: ## The long runs: fuzzing for an hour, twenty demonstrations, a thousand unplugs
	@tests/scripts/soak.sh

install-udev: ## The kiosk's device names, access rights and USB sticks: sudo make install-udev, or DESTDIR=FOLDER make install-udev
	@udev/install.sh install

uninstall-udev: ## Takes them away again
	@udev/install.sh uninstall
