# No finished work is lost to a date. No rules here.
#
# After a job Snakemake compares dates. Where an input is dated later than the outputs, by a clock
# that was wrong or an archive that was unpacked, it takes the job for failed and removes what a
# training of days has made. It has no option for this, so its check is replaced by one that mends.

import contextlib
import os

from snakemake.dag import DAG


async def dated_no_later(dag, job, outputs):
    """Every file of the workflow that is dated later than these outputs gets their date.

    All files, so that they keep their order and nothing runs again because some have been mended.
    """

    def date(path):
        return os.stat(path, follow_symlinks=False).st_mtime_ns

    made = [date(path) for path in outputs if os.path.lexists(path)]
    if not made or max((date(p) for p in job.input if os.path.lexists(p)), default=0) <= min(made):
        return
    limit = min(made)
    for path in {path for each in dag.jobs for path in (*each.input, *each.output)}:
        if os.path.lexists(path) and date(path) > limit:
            with contextlib.suppress(OSError):  # of another user: the work counts all the same
                os.utime(path, ns=(limit, limit), follow_symlinks=False)


DAG.check_output_mtime = dated_no_later
