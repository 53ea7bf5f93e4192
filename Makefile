# Thin: what a target does is in scripts/. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := all
MAKEFLAGS += --no-print-directory

SERVICES := api-gateway ingest processor grpc-server
TIME ?= 60
RATE ?= 10000
SCENARIO ?= smoke

.PHONY: all build proto clean run-local demo health-check test test-debug test-tsan test-clang \
  test-coverage chaos fuzz bench bench-e2e bench-sweeps bench-queues bench-grpc \
  bench-compare report profile-complete load-test load-test-quick load-test-saturation \
  load-test-open load-test-k6 test-network lint fmt tidy deps help grpc-server switch-queue \
  integration-test docker-build docker-up docker-down docker-logs docker-up-full docker-test test-systemd \
  deploy monitoring stop-monitoring metrics backup restore

## Build and run

help: ## This list
	@awk -v colour="$$([ -t 1 ] && echo yes)" -f scripts/help.awk Makefile

all: deps ## Build everything: executables, tests and benches
	@scripts/build.sh release
	@scripts/link_bin.sh $(SERVICES)

build: deps ## Build the executables into bin/ (V=1 shows the commands)
	@scripts/build.sh release $(SERVICES)
	@scripts/link_bin.sh $(SERVICES)

grpc-server: deps ## Build the gRPC server into bin/
	@scripts/build.sh release grpc-server
	@scripts/link_bin.sh grpc-server

proto: deps ## Generate the C++ code of api/proto (the build does it by itself)
	@scripts/build.sh release millrace_proto_grpc

run-local: build ## Install, build and run all services until Ctrl-C
	@scripts/run_local.sh

demo: build ## Half a minute: services up, messages through, results shown, drained
	@scripts/demo.sh

switch-queue: build ## Choose the queue (QUEUE=memory|nats|kafka|composite), nothing left behind
	@scripts/switch_queue.sh "$(QUEUE)"

health-check: ## How each running service is, in a table; fails when one is unhealthy
	@scripts/health_check.sh

clean: ## Remove what was built and logged
	@rm -rf build bin run

deps: ## Install what a build needs (Debian 12; does nothing the second time)
	@scripts/install-deps.sh build

## Test

test: deps ## Install, build and pass all tests: unit, conformance, end to end
	@scripts/install-deps.sh test
	@scripts/link_bin.sh $(SERVICES)
	@scripts/test.sh release

integration-test: deps ## Tests of all queues against real brokers, and with other people's clients
	@scripts/install-deps.sh test servers kafka
	@scripts/install-servers.sh
	@scripts/install-tools.sh grpcurl protoc-gen-go protoc-gen-go-grpc
	@scripts/test.sh release -L integration

chaos: build ## Kill, stop and cut everything under load, with real brokers; ids compared
	@scripts/install-deps.sh test servers kafka
	@scripts/install-servers.sh
	@MILLRACE_BIN=bin tests/chaos/chaos.py --report results/chaos/report.json

test-debug: deps ## The tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@scripts/install-deps.sh test
	@scripts/test.sh debug

test-tsan: deps ## The tests under ThreadSanitizer
	@scripts/install-deps.sh test
	@scripts/test.sh tsan

test-clang: deps ## The tests as Clang builds them, lock annotations checked
	@scripts/install-deps.sh test check
	@scripts/test.sh clang

test-coverage: deps ## Line coverage of internal/, with an HTML report; fails below 85 %
	@scripts/install-deps.sh test check
	@scripts/coverage.sh

fuzz: deps ## Fuzz each target for TIME seconds (make fuzz TIME=600)
	@scripts/install-deps.sh check
	@scripts/fuzz.sh $(TIME)

test-systemd: build ## The units under a systemd of their own, in new namespaces (as root)
	@scripts/install-deps.sh check servers
	@scripts/test-systemd.sh

docker-test: ## Containers on a real Docker engine: every profile, crashes, deploys, alerts (20 min)
	@tests/docker/run.sh

## Containers

docker-build: ## Build the images and print their sizes; bills of materials go to build/sbom/
	@scripts/docker_build.sh

docker-up: ## Start in containers (QUEUE_TYPE=memory|nats|kafka|composite SCALE="processor=3 ingest=2")
	@scripts/docker_up.sh $(SCALE)

docker-up-full: ## The same with both brokers, Prometheus, Alertmanager and Grafana
	@QUEUE_TYPE=composite PROFILES=monitoring scripts/docker_up.sh $(SCALE)

docker-down: ## Drain and take away the containers (VOLUMES=1: what they stored, too)
	@scripts/docker_down.sh

docker-logs: ## Follow the containers' logs
	@docker compose --profile '*' logs --follow --tail 50

deploy: ## Replace what runs in containers by this checkout, one after another, refusing nobody
	@scripts/deploy.sh

monitoring: ## Prometheus, Alertmanager and Grafana beside the containers
	@scripts/monitoring.sh up

stop-monitoring: ## Take them away again; what they stored stays
	@scripts/monitoring.sh down

metrics: ## What each running service counts (REGEX=... for other metrics)
	@scripts/metrics.sh $(if $(REGEX),'$(REGEX)')

backup: ## Save volumes and settings to a dated archive (FILE=...)
	@scripts/backup.sh $(FILE)

restore: ## Bring back what FILE=... holds (OVERWRITE=1 replaces what is there)
	@[[ -n "$(FILE)" ]] || { echo 'restore: name the archive: make restore FILE=backups/millrace-....tar' >&2; exit 2; }
	@scripts/restore.sh "$(FILE)"

## Measure

bench: deps ## The micro benchmarks beside their rivals (BENCH_QUICK=1: a short look)
	@scripts/install-deps.sh micro
	@scripts/bench.sh $(SUITES)

bench-e2e: build ## All queues from edge to sink, beside nginx, Benthos and the brokers' tools (20 min)
	@scripts/install-deps.sh bench servers kafka
	@scripts/install-servers.sh
	@scripts/install-tools.sh benthos-4.45.1 || echo 'bench-e2e: goes on without Benthos' >&2
	@bench/e2e/bench_e2e.py

bench-sweeps: build ## CPU per message against workers, connections, backlog, batch, payload, cores
	@bench/e2e/sweeps.py

bench-queues: build ## Our queues beside the brokers' own tools, on real brokers
	@scripts/install-deps.sh servers kafka
	@scripts/install-servers.sh
	@scripts/build.sh release nats_queue_bench kafka_queue_bench composite_queue_bench
	@bench/queues/bench_queues.py

bench-grpc: build ## The gRPC server beside an empty one: unary calls and streams
	@scripts/install-tools.sh ghz
	@scripts/build.sh release grpc_echo_server grpc_stream_client
	@bench/load/grpc/bench_grpc.py

test-network: build ## How connections are kept and messages batched, system calls per message
	@scripts/install-deps.sh bench
	@scripts/build.sh release open_loop
	@bench/load/network.py

bench-compare: deps ## The working tree beside BASE=<commit> (SUITE=pipeline,ring,... PAIRS=7 FILTER=regex)
	@[[ -n "$(BASE)" ]] || { echo 'bench-compare: name a commit: make bench-compare BASE=<commit>' >&2; exit 2; }
	@scripts/install-deps.sh bench
	@bench/compare/compare.py --base "$(BASE)" $(if $(SUITE),--suite "$(SUITE)") \
	  $(if $(PAIRS),--pairs "$(PAIRS)") $(if $(FILTER),--filter '$(FILTER)')

profile-complete: deps ## CPU, wait and heap flame graphs of all services (QUEUE=memory,nats,kafka)
	@QUEUE="$(QUEUE)" scripts/complete_profiling.sh

report: ## The comparison, the plots and the final report, from results/raw
	@bench/report/render.py

load-test: ## ApacheBench against a running gateway: 1000 requests, 10 connections
	@scripts/install-deps.sh bench
	@scripts/load_test.sh 1000 10

load-test-quick: ## The same with 100 requests
	@scripts/install-deps.sh bench
	@scripts/load_test.sh 100 10

load-test-saturation: ## wrk against a running gateway: as much as it takes, for 10 s
	@scripts/install-deps.sh bench
	@scripts/load_test_saturation.sh

load-test-open: deps ## Constant rate against a running gateway, latency from due time (RATE=10000)
	@scripts/build.sh release open_loop
	@scripts/load_test_open.sh $(RATE)

load-test-k6: ## k6 against a running gateway (SCENARIO=smoke|load|spike|soak|quick, DURATION of soak)
	@scripts/install-tools.sh k6
	@scripts/load_test_k6.sh $(SCENARIO) $(DURATION)

## Check

lint: deps ## Every check of scripts/checks
	@scripts/install-deps.sh check
	@docker compose version >/dev/null 2>&1 || scripts/install-tools.sh docker-compose
	@scripts/checks/all.sh

fmt: ## Format the C++ sources in place
	@scripts/install-deps.sh check
	@scripts/checks/format.sh --fix

tidy: deps ## The tree's own rules and clang-tidy
	@scripts/install-deps.sh check
	@scripts/checks/tidy_rules.py
	@scripts/checks/clang_tidy.py
