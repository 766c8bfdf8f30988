# The one door: `make` prints this help.

MODE ?=
SERVICE ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: up
up: ## Start everything and wait until it is healthy (MODE=docker|offline|embedded to choose)
	@scripts/up $(MODE)

.PHONY: down
down: ## Stop; all data stays
	@scripts/down

.PHONY: status
status: ## One table of what runs
	@scripts/status

.PHONY: logs
logs: ## Recent logs (SERVICE=worker for one)
	@scripts/logs $(SERVICE)

.PHONY: shell
shell: ## A shell where cms and airflow work
	@scripts/shell

.PHONY: hello
hello: ## Run the first DAG and wait for its result
	@scripts/hello

.PHONY: password
password: ## Print the admin's password
	@scripts/password

.PHONY: doctor
doctor: ## Say what is wrong, in plain words
	@scripts/doctor

.PHONY: backup
backup: ## Save all data and secrets to backups/ (stops the stack meanwhile)
	@scripts/backup

.PHONY: restore
restore: ## Put a backup back (FILE=backups/…; asks first)
	@scripts/restore "$${FILE-}"

.PHONY: reset
reset: ## Delete all data and secrets, after asking
	@scripts/reset

.PHONY: build
build: ## Build the images
	@scripts/build

.PHONY: setup
setup: ## Make the environments that lint and tests use
	@scripts/setup

.PHONY: lint
lint: setup ## Check code, scripts, Dockerfiles and YAML
	@scripts/lint

.PHONY: test
test: setup ## Run every test this machine can run, and say what was left out
	@scripts/test

.PHONY: check
check: lint test ## What CI runs

.PHONY: bench
bench: setup ## Measure the stack: times, memory, tasks a minute
	@benchmarks/stack

.PHONY: lock
lock: setup ## Resolve every dependency anew into locks/
	@scripts/lock
