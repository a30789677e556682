"""docs/permissions.md names every statement of the template under its role or policy, and no other."""

import re

from tests.doors.not_enforced import NOT_ENFORCED
from tests.template.translated import REPOSITORY, translated

DOCUMENT = (REPOSITORY / "docs" / "permissions.md").read_text()
FULL = translated(with_key=True, true=("HasRealtimeEndpoint",))
OF_RESOURCES = ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")


def _sections():
    """The text below each heading."""
    _, *parts = re.split(r"^## (.+)$", DOCUMENT, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _statements(section):
    return sorted(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE))


def _sids(*documents):
    return sorted(statement["Sid"] for document in documents for statement in document["Statement"])


def test_every_statement_of_a_role_is_named_under_it_and_no_other():
    for role, resource in FULL.of_type("AWS::IAM::Role").items():
        policies = resource["Properties"]["Policies"]
        assert _statements(_sections()[role]) == _sids(*(policy["PolicyDocument"] for policy in policies))


def test_every_statement_of_a_managed_policy_is_named_under_it_and_no_other():
    for policy, resource in FULL.of_type("AWS::IAM::ManagedPolicy").items():
        assert _statements(_sections()[policy]) == _sids(resource["Properties"]["PolicyDocument"])


def test_every_role_says_which_managed_policies_it_has():
    for role, resource in FULL.of_type("AWS::IAM::Role").items():
        attached = {arn["Ref"] for arn in resource["Properties"]["ManagedPolicyArns"]}
        assert set(re.findall(r"\w+Policy\b", _sections()[role])) == attached


def test_every_statement_of_a_resource_s_policy_is_named_and_no_other():
    policies = [found for kind in OF_RESOURCES for found in translated().of_type(kind).values()]
    sids = _sids(*(found["Properties"]["PolicyDocument"] for found in policies))
    assert _statements(_sections()["Policies of resources"]) == sorted(set(sids))


def test_every_action_that_is_not_enforced_is_named_as_such():
    section = _sections()["What the embedded AWS does not enforce"]
    actions = {name.split(" ")[2] for name in NOT_ENFORCED}
    assert {action for action in actions if f"`{action}`" not in section} == set()
