"""What MiniStack is taught before it serves; each hook is held by a contract test in tests/local."""

from __future__ import annotations

from local.hooks.batch_actions import name_batches_by_their_single_action
from local.hooks.cloudformation import register_sagemaker_types
from local.hooks.condition_keys import fill_in_condition_keys
from local.hooks.event_source import batch_like_lambda, take_concurrency_from_parameters
from local.hooks.event_targets import deliver_where_queues_admit_it
from local.hooks.function_roles import log_in_the_functions_name, poll_in_the_functions_name
from local.hooks.function_runtime import let_invocations_end, run_functions_in, share_unpacked_code
from local.hooks.http_api import answer_like_http_apis, fail_like_lambda_integrations
from local.hooks.http_api_resources import declare_http_apis
from local.hooks.s3_reads import hide_missing_keys, range_versioned_reads
from local.hooks.s3_versions import count_versions
from local.hooks.sagemaker_service import name_sagemaker_for_iam, register_sagemaker
from local.hooks.transport import treat_loopback_as_tls
from local.settings import ServerSettings


def install(settings: ServerSettings) -> None:
    """Install every hook in this process, once, before the first request."""
    register_sagemaker()
    name_sagemaker_for_iam()
    name_batches_by_their_single_action()
    register_sagemaker_types()
    batch_like_lambda()
    take_concurrency_from_parameters()
    poll_in_the_functions_name()
    log_in_the_functions_name()
    fill_in_condition_keys()
    deliver_where_queues_admit_it()
    treat_loopback_as_tls()
    range_versioned_reads()
    hide_missing_keys()
    count_versions()
    declare_http_apis()
    answer_like_http_apis()
    fail_like_lambda_integrations()
    run_functions_in(settings.function_python)
    share_unpacked_code()
    let_invocations_end()
