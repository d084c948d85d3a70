# The library for what follows, and a look at the files of configuration before they are read.

import sys

sys.path.insert(0, str(Path(workflow.basedir) / "workflow" / "scripts"))

from ttur.config_file import check_file
from ttur.errors import UserError

try:
    for file in workflow.configfiles or ["config.yaml"]:
        check_file(file)
except UserError as error:
    sys.exit(f"error: {error}")
