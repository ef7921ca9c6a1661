"""Card JSON 2.0 as data: which component has which properties, and which values some of them take.

Source: Feishu docs feishu-cards/card-json-v2-structure and card-json-v2-components/**, Jul 2025.
"""

from dataclasses import dataclass


def words(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


BASE = frozenset({"tag", "element_id", "margin"})
LAYOUT = words(
    "direction horizontal_spacing vertical_spacing horizontal_align vertical_align padding elements"
)
TAPPED = words("behaviors confirm disabled disabled_tips hover_tips")
PICKED = TAPPED | words("name required placeholder width value")


def props(listed: str, *groups: frozenset[str]) -> frozenset[str]:
    """A set of property names: the base ones, whole groups, and the words listed."""
    return BASE.union(words(listed), *groups)


COMPONENTS: dict[str, frozenset[str]] = {
    "column_set": props("flex_mode background_style horizontal_spacing horizontal_align action columns"),
    "column": props("width weight background_style action", LAYOUT),
    "form": props("name", LAYOUT),
    "interactive_container": props(
        "width height background_style has_border border_color corner_radius", LAYOUT, TAPPED
    ),
    "collapsible_panel": props("expanded header border background_color width", LAYOUT),
    "div": props("text icon fields extra width"),
    "markdown": props("content i18n_content text_size text_align icon"),
    "img": props("img_key alt title corner_radius scale_type size transparent preview"),
    "img_combination": props("combination_mode combination_transparent corner_radius img_list"),
    "person": props("user_id size show_avatar show_name style"),
    "person_list": props("persons lines show_name show_avatar size icon drop_invalid_user_id"),
    "chart": props("chart_spec aspect_ratio color_theme preview height"),
    "table": props(
        "page_size row_height row_max_height freeze_first_column header_style columns rows"
    ),
    "hr": props(""),
    "audio": props("file_key audio_id show_time style width background_color fallback"),
    "input": props(
        "default_value max_length input_type rows auto_resize max_rows show_icon label label_position", PICKED
    ),
    "button": props(
        "type size width text icon name required form_action_type action_type url multi_url value", TAPPED
    ),
    "overflow": props("name width options value", TAPPED),
    "select_static": props("type options initial_option initial_index", PICKED),
    "multi_select_static": props("type options selected_values", PICKED),
    "select_person": props("type options initial_option initial_index", PICKED),
    "multi_select_person": props("type options selected_values", PICKED),
    "date_picker": props("initial_date", PICKED),
    "picker_time": props("initial_time", PICKED),
    "picker_datetime": props("initial_datetime", PICKED),
    "select_img": props("style multi_select layout can_preview aspect_ratio options", PICKED),
    "checker": props(
        "name checked text overall_checkable button_area checked_style padding value", TAPPED
    ),
}  # fmt: skip

TEXT = words("tag content i18n_content text_size text_color text_align lines element_id icon")
ICON = words("tag token color img_key size")
ROOT = words("schema config card_link header body")
CONFIG = words(
    "streaming_mode streaming_config summary locales enable_forward update_multi width_mode "
    "use_custom_translation enable_forward_interaction style"
)
HEADER = words("title subtitle text_tag_list i18n_text_tag_list template icon padding")
BODY = LAYOUT
BEHAVIORS = {
    "open_url": words("type default_url android_url ios_url pc_url"),
    "callback": words("type value"),
    "form_action": words("type behavior"),
}  # fmt: skip
TABLE_COLUMN = words("name display_name width data_type format date_format vertical_align horizontal_align")

CONTAINERS = ("column_set", "column", "form", "interactive_container", "collapsible_panel")
INTERACTIVE = (
    "input", "button", "overflow", "select_static", "multi_select_static", "select_person",
    "multi_select_person", "date_picker", "picker_time", "picker_datetime", "select_img", "checker",
)  # fmt: skip
ROOT_ONLY = ("form", "table")
TEXT_PROPS = ("text", "title", "subtitle", "placeholder", "label", "hover_tips", "disabled_tips", "alt")

REQUIRED: dict[str, tuple[str, ...]] = {
    "column_set": ("columns",),
    "form": ("name", "elements"),
    "markdown": ("content",),
    "img": ("img_key", "alt"),
    "person": ("user_id",),
    "person_list": ("persons",),
    "chart": ("chart_spec",),
    "table": ("columns", "rows"),
    "collapsible_panel": ("header", "elements"),
    "interactive_container": ("elements",),
    "select_static": ("options",),
    "multi_select_static": ("options",),
}

COLORS = tuple(
    words("blue wathet turquoise green yellow orange red carmine violet purple indigo grey default lime")
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A property that takes one of a few values."""

    tags: tuple[str, ...]
    name: str
    values: tuple[str, ...]


CHOICES = (
    Choice(("header",), "template", COLORS),
    Choice(
        ("button",),
        "type",
        tuple(
            words("default primary danger text primary_text danger_text primary_filled danger_filled laser")
        ),
    ),
    Choice(("button",), "size", ("tiny", "small", "medium", "large")),
    Choice(("button",), "form_action_type", ("submit", "reset")),
    Choice(("column_set",), "flex_mode", ("none", "stretch", "flow", "bisect", "trisect")),
    Choice(("input",), "input_type", ("text", "multiline_text", "password")),
    Choice(("input",), "label_position", ("top", "left")),
    Choice(("chart",), "aspect_ratio", ("1:1", "2:1", "4:3", "16:9")),
    Choice(("chart",), "color_theme", ("brand", "rainbow", "complementary", "converse", "primary")),
    Choice(("config",), "width_mode", ("default", "compact", "fill")),
    Choice(("select_static", "multi_select_static"), "type", ("default", "text")),
)
TABLE_TYPES = ("text", "lark_md", "options", "number", "persons", "date", "markdown")
