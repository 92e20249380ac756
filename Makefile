# Everything that one needs to try, test and build the project. "make" lists the targets.

PORT = 8000
VENV = .venv
PYTHON =
ARGS =

SANDBOX_PORT = $(shell expr $(PORT) + 1 2>/dev/null)
BIN = $(VENV)/bin
MANAGE = WEBEX_SANDBOX_PORT=$(SANDBOX_PORT) $(BIN)/python example_project/manage.py
# Cisco's widgets for the example site, which does without them where they cannot be fetched.
WIDGETS = vendor_webex_widgets example_project/static/webex >/dev/null || { \
	status=$$?; [ $$status -ne 130 ] || exit $$status; \
	echo "The example site takes what is missing from Cisco's own servers instead."; }
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: $(VENV)/.demo ## Try the example site (PORT=8000, the sandbox on the port after it)
	@case '$(PORT)' in *[!0-9]*|'') echo "PORT=$(PORT) is not a number." >&2; exit 1;; esac
	@$(MANAGE) check_ports $(PORT)
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) $(WIDGETS)
	@printf '\n    Open http://127.0.0.1:%s/ in your browser. Ctrl-C ends the demo.\n\n' $(PORT)
	@trap : INT; DJANGO_RUNSERVER_HIDE_WARNING=true $(MANAGE) runserver $(PORT)

.PHONY: test
test: $(VENV)/.test ## Run the tests (ARGS="-k connect -x" goes to pytest)
	@DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m django $(WIDGETS)
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: bench
bench: $(VENV)/.test ## Measure what a visitor waits for (needs Chromium) and the refresh of many tokens (needs PostgreSQL: DATABASE_URL)
	@$(BIN)/python -m benchmarks.visitor
	@$(BIN)/python -m benchmarks.refresh

.PHONY: lint
lint: $(VENV)/.lint ## Check style, types and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: migrations-check
migrations-check: $(VENV)/.demo ## Check that no migration is missing
	$(MANAGE) makemigrations --check --dry-run

.PHONY: messages
messages: $(VENV)/.demo ## Update the translations' catalogues (needs gettext)
	@cd webex_widgets && $(abspath $(BIN))/python -m django makemessages \
		--all --ignore sandbox --add-location file --no-obsolete
	@# Without the date, which would change each time.
	@for file in webex_widgets/locale/*/LC_MESSAGES/django.po; do \
		sed '/^"POT-Creation-Date:/d' "$$file" > "$$file.new" && mv "$$file.new" "$$file" || exit; \
	done
	@cd webex_widgets && $(abspath $(BIN))/python -m django compilemessages

.PHONY: dist
dist: $(VENV)/.test ## Build the sdist and the wheel into dist/
	$(BIN)/python -m build

.PHONY: clean
clean: ## Remove everything that the other targets have made
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* *.egg-info
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -rf example_project/static/webex example_project/collected example_project/db.sqlite3
	find webex_widgets tests example_project -name __pycache__ -prune -exec rm -rf {} +

# The environment. Each stamp file says that something is installed; it is made anew when
# pyproject.toml has changed.

$(VENV)/.python:
	@bare=; \
	for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
	    command -v "$$python" >/dev/null 2>&1 || continue; \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	        || continue; \
	    "$$python" -c 'import ensurepip, venv' 2>/dev/null || { bare=$$python; continue; }; \
	    echo "Making $(VENV) with $$("$$python" -V) ..."; \
	    "$$python" -m venv $(VENV) && touch $@ && exit 0; \
	    exit 1; \
	done; \
	if [ -n "$$bare" ]; then \
	    echo "$$bare cannot make virtual environments: install its venv module (on Debian and Ubuntu: apt install $${bare##*/}-venv)." >&2; \
	elif [ -n "$(PYTHON)" ]; then \
	    echo "PYTHON=$(PYTHON) is not a Python 3.11 or newer that runs here." >&2; \
	else \
	    echo "Python 3.11 or newer is needed: install it, or name it, as in: make demo PYTHON=/path/to/python3" >&2; \
	fi; \
	exit 1

$(VENV)/.demo: $(VENV)/.python pyproject.toml
	@echo "Installing what the example site needs ..."
	@$(INSTALL) '.[example]'
	@touch $@

$(VENV)/.test: $(VENV)/.python pyproject.toml
	@echo "Installing what the tests need ..."
	@$(INSTALL) '.[example,test]'
	@touch $@

$(VENV)/.lint: $(VENV)/.python pyproject.toml
	@echo "Installing what the checks need ..."
	@$(INSTALL) '.[example,test,lint]'
	@touch $@
