"""Grants that the embedded AWS does not ask for, each with the reason."""

from __future__ import annotations

_TRACES = "MiniStack takes no traces"
_KEY = "MiniStack's buckets, queues and tables need no key; the stack of these tests has none"
_IMAGE = "no image is pulled: the container is a process of this machine"
_LOGS = "log-group:/aws/sagemaker/TransformJobs*"
_REPOSITORY = "repository/sagemaker-scikit-learn"

NOT_ENFORCED = {
    **{
        f"{role} Trace xray:{action} *": _TRACES
        for role in ("PrepareRole", "CollectRole", "SweepRole", "ResultsApiRole")
        for action in ("PutTelemetryRecords", "PutTraceSegments")
    },
    "ResultsApiRole ReadWithKey kms:Decrypt KmsKeyArn": _KEY,
    **{
        f"{role} UseKey kms:{action} KmsKeyArn": _KEY
        for role in ("PrepareRole", "CollectRole", "SweepRole")
        for action in ("Decrypt", "GenerateDataKey")
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
    "TransformRole ListBuckets s3:ListBucket ModelsBucket": "the stand-in gets the artefact by its key",
    "TransformRole WriteOutputs s3:AbortMultipartUpload WorkBucket/transform/*": "no upload is cut off",
    f"TransformRole WriteLogs logs:DescribeLogStreams {_LOGS}": "the stand-in writes streams without looking",
    "TransformRole WriteMetrics cloudwatch:PutMetricData *": "the stand-in measures nothing",
    **{
        f"TransformRole PullImage ecr:{action} {_REPOSITORY}": _IMAGE
        for action in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
    },
    "TransformRole LogInToPull ecr:GetAuthorizationToken *": _IMAGE,
}
