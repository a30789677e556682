"""Grants that the embedded AWS does not ask for, each with the reason."""

from __future__ import annotations

_TRACES = "MiniStack takes no traces"
_KEY = "MiniStack's buckets, queues and tables need no key; the stack of these tests has none"
_IMAGE = "no image is pulled: the container is a process of this machine"
_LOGS = {
    "TransformRole": "log-group:/aws/sagemaker/TransformJobs*",
    "EndpointRole": "log-group:/aws/sagemaker/Endpoints/EndpointName*",
}
"""Of the roles that containers run with."""
_REPOSITORY = "repository/sagemaker-scikit-learn"

NOT_ENFORCED = {
    **{
        f"{role} Trace xray:{action} *": _TRACES
        for role in ("PrepareRole", "CollectRole", "SweepRole", "ResultsApiRole", "PredictRole")
        for action in ("PutTelemetryRecords", "PutTraceSegments")
    },
    **{
        f"{role} ReadWithKey kms:Decrypt KmsKeyArn": _KEY
        for role in ("ResultsApiRole", "PredictRole", "EndpointRole")
    },
    **{
        f"{role} UseKey kms:{action} KmsKeyArn": _KEY
        for role in ("PrepareRole", "CollectRole", "SweepRole")
        for action in ("Decrypt", "GenerateDataKey")
    },
    **{
        f"{role} UseKeyForLedger kms:{action} KmsKeyArn": _KEY
        for role in ("PrepareRole", "CollectRole", "SweepRole")
        for action in (
            "CreateGrant",
            "Decrypt",
            "DescribeKey",
            "Encrypt",
            "GenerateDataKey",
            "GenerateDataKeyWithoutPlaintext",
            "ReEncryptFrom",
            "ReEncryptTo",
        )
    },
    **{
        f"{role} {grant} KmsKeyArn": _KEY
        for role in ("PrepareRole", "SweepRole", "TransformRole")
        for grant in (
            "UseKeyForJobs kms:Decrypt",
            "UseKeyForJobs kms:DescribeKey",
            "UseKeyForJobs kms:GenerateDataKey",
            "GrantVolumes kms:CreateGrant",
        )
    },
    **{
        f"{role} MakeModel sagemaker:CreateModel model-package/ModelPackageGroupName/*": (
            "MiniStack asks for one resource a call, which is the model"
        )
        for role in ("PrepareRole", "SweepRole")
    },
    "TransformRole ListBuckets s3:ListBucket ModelsBucket": "the stand-in gets the artefact by its key",
    "TransformRole WriteOutputs s3:AbortMultipartUpload WorkBucket/transform/*": "no upload is cut off",
    "EndpointRole ListModels s3:ListBucket ModelsBucket": "the stand-in gets the artefact by its key",
    **{
        f"{role} WriteLogs logs:DescribeLogStreams {logs}": "the stand-in writes streams without looking"
        for role, logs in _LOGS.items()
    },
    **{f"{role} WriteMetrics cloudwatch:PutMetricData *": "the stand-in measures nothing" for role in _LOGS},
    **{
        f"{role} PullImage ecr:{action} {_REPOSITORY}": _IMAGE
        for role in _LOGS
        for action in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
    },
    **{f"{role} LogInToPull ecr:GetAuthorizationToken *": _IMAGE for role in _LOGS},
}
