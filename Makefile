# make demo   try everything against the sandbox, no account needed
# make test   the tests that need Python alone; make test-tools installs what the others need: test-engines, test-long
# make test-newest   the tests on the newest Python that can be had        make lint   ruff and mypy --strict        make bench   the figures;
# make bench-million  those among a million events
# make crash  kill the worker at every point of the walk on three engines; SEED=n repeats the random moments
# make schemas  docs/schemas and docs/commands.md, after a change of what a command prints as JSON or of its help
# make texts    the catalogues in syncer/language/catalogues, after a change of a text that people read; says what is not translated
# make picture  docs/report.png, the top of a report of invented requests, and two pages of the console's demo; needs chromium
# make test-vendors   requests and answers against the vendors' own specification and clients, from npm
# make test-install   docs/install.md and the demo, typed as they stand on a bare Debian 12 and 13; needs root
# make packages   wheel, Debian package and OCI archive into dist/, as root on Debian        make test-packages   each installed and run
# make simulate   weeks of trouble in virtual time, seed after seed        make test-wordpress   a real WordPress

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COMPILE := uv pip compile --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
  --no-emit-index-url
EXTRAS := --extra mysql --extra postgresql --extra holidays --extra timestamp --extra apprise --extra console --extra oidc --extra build
SAY := printf '%s\n'
# four at a time: many tests wait rather than compute
PYTEST := $(BIN)/python -m pytest -n 4 --dist worksteal

.PHONY: demo test test-engines test-long test-newest test-tools test-wordpress test-vendors test-install test-packages packages \
  lint bench bench-million crash simulate fuzz schemas texts picture sbom lock clean

$(VENV)/.installed: requirements-dev.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { $(SAY) 'there is no $(PYTHON) here; install Python 3.11 or newer, or say where it is: make PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { $(SAY) '$(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(SAY) '$(PYTHON) cannot make virtual environments; install what it lacks: apt-get install python3-venv'; exit 1; }
	@$(SAY) "1 of 3: a virtual environment in $(VENV), for $$($(PYTHON) --version) (about 10 seconds)"
	@$(PYTHON) -m venv $(VENV)
	@$(SAY) "2 of 3: the $$(grep -c '==.*\\$$' requirements-dev.lock) packages of requirements-dev.lock (1 minute, or more as the network is)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock \
	  || { $(SAY) 'the packages were not installed: pip says why above; the next make tries it again'; exit 1; }
	@$(SAY) "3 of 3: syncer itself, from this folder (about 5 seconds)"
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable . \
	  || { $(SAY) 'syncer was not installed: pip says why above; the next make tries it again'; exit 1; }
	@touch $@

demo: $(VENV)/.installed
	$(BIN)/syncer demo

# what needs nothing but Python, and a few minutes
test: $(VENV)/.installed
	$(PYTEST) -m 'not engines and not slow and not wordpress and not vendors and not install and not packages'

# the same on the other databases, and what a browser makes of the pages; each worker starts servers of its own
test-engines: $(VENV)/.installed
	$(PYTEST) -m 'engines and not slow and not wordpress and not vendors and not install and not packages'

# what takes minutes of its own: real processes, every fault, kills, weeks of trouble in their short form, the smallest bench
test-long: $(VENV)/.installed
	$(PYTEST) -m 'slow and not wordpress and not vendors and not install and not packages'

# what the tests need beside Python, where it is missing
test-tools:
	@tests/tools.sh

# the tests on the newest Python that there is for this machine
test-newest: $(VENV)/.installed
	$(BIN)/python -m tests.newest

# a real WordPress; installs Debian's packages where they are missing
test-wordpress: $(VENV)/.installed
	tests/intake/wordpress/packages.sh
	SYNCER_REQUIRE=mariadb,wordpress,chromium $(BIN)/python -m pytest -m wordpress tests/intake/wordpress

# what Mailchimp published on npm: skips where npm is missing
test-vendors: $(VENV)/.installed
	$(PYTEST) -m 'not wordpress' -p tests.vendors.watching tests/vendors tests/adapters

# two bare machines, made by debootstrap beside each other: skips without root
test-install: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 -m install tests/install

# what is published, for the Debian that builds it
packages: $(VENV)/.installed
	packaging/tools.sh
	PYTHON=$(BIN)/python packaging/build.sh

# each installed and run, the Debian package on a machine that is booted for it: skips without root
test-packages: packages
	$(BIN)/python -m pytest -n 2 -m packages tests/install

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/vulture

# the peers that are measured beside it; without them they are skipped
$(VENV)/.bench: $(VENV)/.installed requirements-bench.lock
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-bench.lock && touch $@ \
	  || $(SAY) 'the peers were not installed: pip says why above; they are skipped'

bench: $(VENV)/.bench
	$(BIN)/python -m tests.bench

# what people look at among a million events, on three engines; an hour, and 30 GB in TMPDIR
bench-million: $(VENV)/.installed
	BENCH_EVENTS=1000000 $(BIN)/python -m tests.bench reads watch

crash: $(VENV)/.installed
	$(BIN)/python -m tests.crash $(if $(SEED),--seed $(SEED))

simulate: $(VENV)/.installed
	$(BIN)/python -m tests.simulation --seeds 200 --events 200

schemas: $(VENV)/.installed
	$(BIN)/python -m syncer.cli.output.schemas docs/schemas
	$(BIN)/python -m syncer.cli.help.page docs/commands.md

texts: $(VENV)/.installed
	$(BIN)/python -m tests.support.language.catalogue

picture: $(VENV)/.installed
	$(BIN)/python -m tests.support.documents.picture docs/report.png
	$(BIN)/python -m tests.support.documents.console_pictures docs

# what a server installs, run time with every extra, is a part of what a developer has: the same versions
# ten minutes of every parser that a stranger can reach
fuzz: $(VENV)/.installed
	$(BIN)/python -m tests.fuzz

# what a server runs, with versions and hashes, as CycloneDX
sbom: $(VENV)/.installed
	mkdir -p dist
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --short-PURLs --output-reproducible \
	  --output-file dist/sbom.cdx.json

lock:
	$(COMPILE) $(EXTRAS) --extra dev --output-file requirements-dev.lock pyproject.toml
	$(COMPILE) $(EXTRAS) --constraint requirements-dev.lock --output-file requirements.lock pyproject.toml
	$(COMPILE) $(EXTRAS) --extra bench --constraint requirements-dev.lock --output-file requirements-bench.lock pyproject.toml

clean:
	rm -rf $(VENV) build dist *.egg-info
