"""samconfig.toml: plain `sam` commands get options that there are, and parameters that the template has."""

import itertools
import tomllib
from importlib import import_module

import pytest
from samcli.lib.providers.api_provider import ApiProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

from local.signposts import FOLDER, VARIABLES
from tests.template.translated import REPOSITORY, translated

CONFIG = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
SECTIONS = [
    (environment, command, options["parameters"])
    for environment, commands in CONFIG.items()
    if environment != "version"
    for command, options in commands.items()
]
DEPLOYED = {environment: options for environment, command, options in SECTIONS if command == "deploy"}
EVERY_COMMAND = "global"
MODULES = {
    "build": "samcli.commands.build.command",
    "validate": "samcli.commands.validate.validate",
    "local_invoke": "samcli.commands.local.invoke.cli",
    "local_start_api": "samcli.commands.local.start_api.cli",
    "deploy": "samcli.commands.deploy.command",
}


def each_section(*wanted):
    """Run a test for every section, with what it wants of it."""
    names = ("environment", "command", "options")
    chosen = [tuple(section[names.index(name)] for name in wanted) for section in SECTIONS]
    return pytest.mark.parametrize(
        wanted, chosen, ids=[f"{where}-{command}" for where, command, _ in SECTIONS]
    )


def known_options(command):
    """The options of a `sam` command, as samconfig.toml calls them: `local_invoke` is `sam local invoke`."""
    return {option.name for option in import_module(MODULES[command]).cli.params}


def overrides(options):
    given = options.get("parameter_overrides", [])
    return dict(pair.split("=", 1) for pair in ([given] if isinstance(given, str) else given))


def test_plain_commands_and_two_stages_have_a_section():
    assert {command for environment, command, _ in SECTIONS if environment == "default"} == {
        EVERY_COMMAND, "build", "validate", "local_invoke", "local_start_api", "deploy",
    }  # fmt: skip
    assert set(DEPLOYED) == {"default", "dev", "prod"}


@each_section("command", "options")
def test_options_are_those_of_the_command(command, options):
    assert command == EVERY_COMMAND or set(options) <= known_options(command)


@each_section("options")
def test_parameters_are_the_template_s_and_their_values_allowed(options):
    parameters = translated().template["Parameters"]
    for name, value in overrides(options).items():
        allowed = parameters[name].get("AllowedValues")
        assert allowed is None or value in map(str, allowed)


def test_containers_get_the_variables_that_the_local_stack_writes():
    for command in ("local_invoke", "local_start_api"):
        assert CONFIG["default"][command]["parameters"]["env_vars"] == str(FOLDER / VARIABLES)


def test_stacks_of_one_account_keep_out_of_each_other_s_way():
    parameters = translated().template["Parameters"]
    for name in ("JobPrefix", "ModelPackageGroupName", "EndpointName"):
        values = [overrides(options).get(name, parameters[name]["Default"]) for options in DEPLOYED.values()]
        assert len(set(values)) == len(DEPLOYED)
        if name == "JobPrefix":
            assert not any(one.startswith(f"{other}-") for one, other in itertools.permutations(values, 2))
    names = [
        options.get("stack_name", CONFIG["default"]["global"]["parameters"]["stack_name"])
        for options in DEPLOYED.values()
    ]
    assert len(set(names)) == len(DEPLOYED)


def test_a_change_of_prod_is_looked_at_first_and_taken_back_when_it_fails():
    assert DEPLOYED["prod"]["confirm_changeset"]
    assert not DEPLOYED["prod"]["disable_rollback"]


def test_sam_local_finds_the_api_s_routes_and_who_answers_them():
    overrides_of_api = overrides(CONFIG["default"]["local_start_api"]["parameters"])
    stacks, _ = SamLocalStackProvider.get_stacks(
        str(REPOSITORY / "template.yaml"), parameter_overrides=overrides_of_api
    )

    found = ApiProvider(stacks, cwd=str(REPOSITORY), disable_authorizer=True).routes

    routes = (
        translated(true=("HasRealtimeEndpoint", "HasCorsOrigins"))
        .of_type("AWS::ApiGatewayV2::Route")
        .values()
    )
    wanted = {route["Properties"]["RouteKey"].split(" ")[-1] for route in routes}
    assert {route.path for route in found} == wanted
    assert {route.path for route in found if route.function_name != "ResultsApiFunction"} == {"/predict"}
    assert {route.payload_format_version for route in found} == {"2.0"}
