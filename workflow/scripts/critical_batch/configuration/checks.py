"""What the schema of the configuration cannot say: references, data on disk, limits, ratios.

Each check stands beside the model of the keys it names. Here is only their order.
"""

from collections.abc import Iterator

from .compute import compilable
from .config import Config
from .data_files import (
    batch_sizes_within_data_set,
    enough_images_and_classes,
    existing_data_files,
    prepared_data_that_fit,
    raw_files_as_their_kind_needs_them,
)
from .datasets import known_data_sets, labels_where_needed
from .entry_checks import settings_that_entries_can_use
from .experiment import folder_names_within_limits, jobs_within_limits, micro_batches_of_equal_size
from .fid import enough_samples_for_fid, first_look_of_fewer_samples, resize_that_the_features_have
from .grid import evaluations_few_enough, evaluations_within_limits
from .inception import inception_where_needed
from .limits import samples_for_a_step
from .noise_probe import noise_probe_within_limits
from .problems import Problem
from .ratio import known_ratio, ratio_from_a_measurement, ratio_from_the_same_generator
from .stop import enough_samples_for_metrics, stop_metric_is_measured

CHECKS = (
    jobs_within_limits,
    known_data_sets,
    existing_data_files,
    prepared_data_that_fit,
    raw_files_as_their_kind_needs_them,
    batch_sizes_within_data_set,
    labels_where_needed,
    enough_images_and_classes,
    inception_where_needed,
    resize_that_the_features_have,
    settings_that_entries_can_use,
    micro_batches_of_equal_size,
    compilable,
    samples_for_a_step,
    enough_samples_for_fid,
    first_look_of_fewer_samples,
    stop_metric_is_measured,
    enough_samples_for_metrics,
    evaluations_within_limits,
    evaluations_few_enough,
    noise_probe_within_limits,
    folder_names_within_limits,
    known_ratio,
    ratio_from_a_measurement,
    ratio_from_the_same_generator,
)


def domain_problems(config: Config) -> Iterator[Problem]:
    """Problems that a schema cannot see, in a fixed order.

    Each check may rely on the earlier ones having found nothing, so only the first problem counts.
    """
    for check in CHECKS:
        yield from check(config)
