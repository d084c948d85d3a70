# Where this workflow lies, its library, and a look at the files of configuration before they are read.

import sys

# From the file that is being read, not from the working directory, which holds the results.
CHECKOUT = Path(str(workflow.current_basedir)).parents[1]
SCRIPTS = str(CHECKOUT / "workflow/scripts")

sys.path.insert(0, SCRIPTS)

from critical_batch.configuration import check_file
from critical_batch.runtime.errors import UserError
from critical_batch.runtime.files import found

DEFAULT_CONFIG = found("config.yaml", CHECKOUT)

try:
    for file in workflow.configfiles or [DEFAULT_CONFIG]:
        check_file(file)
except UserError as error:
    sys.exit(f"error: {error}")
