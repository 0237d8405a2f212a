"""Every rule, in the order of the codes. A code keeps its meaning for ever."""

from policy.lint.rule import Rule
from policy.lint.rules.actions import (
    action_not_effective_in_key_policy,
    foreign_action_in_key_policy,
    pattern_matches_no_action,
    reencrypt_without_direction,
    unknown_action,
    unknown_service_prefix,
    wildcard_in_service_prefix,
)
from policy.lint.rules.arn_fields import (
    arn_service_case,
    malformed_arn,
    unknown_partition_or_region,
)
from policy.lint.rules.characters import forbidden_character, unresolved_placeholder
from policy.lint.rules.condition_names import (
    condition_key_format,
    condition_key_of_other_service,
    deprecated_condition_key,
    key_not_usable_in_key_policy,
    unknown_global_condition_key,
    unknown_kms_condition_key,
)
from policy.lint.rules.conditions import (
    duplicate_condition_key_case,
    null_operator_misuse,
    unknown_operator,
)
from policy.lint.rules.documents import (
    invalid_version,
    missing_statement,
    missing_version,
    outdated_version,
)
from policy.lint.rules.organizations import rcp_syntax, scp_classic_syntax
from policy.lint.rules.principals import (
    group_principal,
    invalid_principal_format,
    invalid_service_principal,
    unusable_principal_type,
    wildcard_inside_principal,
)
from policy.lint.rules.resources import (
    key_id_format,
    key_id_or_alias_as_resource,
    key_policy_resource_not_star,
    unknown_kms_resource_type,
)
from policy.lint.rules.sids import duplicate_sid, empty_sid, sid_characters
from policy.lint.rules.statements import (
    conflicting_elements,
    invalid_effect,
    invalid_principal_key,
    missing_action,
    missing_effect,
    missing_principal,
    missing_resource,
    principal_not_allowed,
    unknown_element,
    wrong_json_type,
)
from policy.lint.rules.syntax import (
    duplicate_member,
    json_syntax_error,
    missing_comma,
    non_json_construct,
    not_a_policy_document,
    trailing_comma,
)
from policy.lint.rules.values import (
    empty_list,
    empty_object,
    mixed_value_types,
    number_for_account_id,
)
from policy.lint.rules.variables import (
    malformed_variable,
    unknown_variable,
    variable_in_wrong_place,
    variable_needs_version,
    variable_with_operator,
)

RULES: tuple[Rule, ...] = (
    json_syntax_error,  # KG101
    trailing_comma,
    missing_comma,
    non_json_construct,
    duplicate_member,
    duplicate_condition_key_case,
    not_a_policy_document,
    unknown_element,
    missing_version,
    invalid_version,  # KG110
    outdated_version,
    missing_statement,
    missing_effect,
    invalid_effect,
    missing_action,
    missing_resource,
    missing_principal,
    principal_not_allowed,
    conflicting_elements,
    wrong_json_type,  # KG120
    mixed_value_types,
    number_for_account_id,
    empty_list,
    empty_object,
    sid_characters,
    duplicate_sid,
    empty_sid,
    malformed_variable,
    variable_in_wrong_place,
    variable_needs_version,  # KG130
    variable_with_operator,
    unknown_variable,
    forbidden_character,
    null_operator_misuse,
    unresolved_placeholder,
    rcp_syntax,
    scp_classic_syntax,
    unknown_service_prefix,  # KG201
    unknown_action,
    reencrypt_without_direction,
    pattern_matches_no_action,
    foreign_action_in_key_policy,
    action_not_effective_in_key_policy,
    wildcard_in_service_prefix,
    unknown_operator,
    unknown_global_condition_key,
    unknown_kms_condition_key,  # KG210
    condition_key_format,
    deprecated_condition_key,
    condition_key_of_other_service,
    key_not_usable_in_key_policy,
    invalid_principal_key,
    invalid_principal_format,
    group_principal,
    wildcard_inside_principal,
    unusable_principal_type,
    invalid_service_principal,  # KG220
    malformed_arn,
    unknown_partition_or_region,
    arn_service_case,
    unknown_kms_resource_type,
    key_id_or_alias_as_resource,
    key_policy_resource_not_star,
    key_id_format,
)
