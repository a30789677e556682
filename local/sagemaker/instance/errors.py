"""Why a job fails: each carries the reason SageMaker gives, and what it writes to the job's log."""


class JobError(Exception):
    """The job cannot go on (or one object cannot be transformed); the message goes to the job's log."""

    reason = "InternalServerError: We encountered an internal error. Please try again."


class ClientFault(JobError):
    """The input or the request is at fault."""

    reason = "ClientError: See job logs for more information"


class AlgorithmFault(JobError):
    """The container is at fault: it does not start, does not answer, or answers with an error."""

    reason = "AlgorithmError: See job logs for more information"


class InstallFault(AlgorithmFault):
    """The container has ended since it cannot install the model's code."""

    reason = 'AlgorithmError: InstallModuleError: Command "python -m pip install ."'
