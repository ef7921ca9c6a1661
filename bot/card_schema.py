"""What card JSON 2.0 knows: the properties of every component and the allowed words of a property.

Data only; ``bot/card_rules.py`` applies it. Source: Feishu docs "卡片 JSON 2.0 结构" and the pages of its
components. In 2.0 an unknown property is an error, so a property missing here cannot be used before it is
added.
"""

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COLOURS: Final = _words(
    "blue wathet turquoise green yellow orange red carmine violet purple indigo grey default"
)
TAG_COLOURS: Final = _words(
    "neutral blue turquoise lime orange violet indigo wathet green yellow red purple carmine"
)
LOCALES: Final = _words(
    "zh_cn en_us zh_hk zh_tw ja_jp id_id vi_vn th_th pt_br es_es ko_kr de_de fr_fr it_it ru_ru ms_my"
)

ROOT: Final = _words("schema config card_link header body")
CONFIG: Final = _words(
    "streaming_mode streaming_config summary locales enable_forward update_multi width_mode "
    "use_custom_translation enable_forward_interaction style"
)
HEADER: Final = _words("title subtitle text_tag_list i18n_text_tag_list template icon padding")
BODY: Final = _words(
    "direction padding horizontal_spacing vertical_spacing horizontal_align vertical_align elements"
)
TEXT: Final = _words("tag content i18n_content text_size text_color text_align lines element_id")
OPTION: Final = _words("text icon value multi_url")
COLUMN_OF_TABLE: Final = _words(
    "name display_name width data_type format date_format vertical_align horizontal_align"
)

_COMMON = "tag element_id margin"
_BOX = "padding direction horizontal_spacing vertical_spacing horizontal_align vertical_align"
_FIELD = "name required disabled width behaviors confirm"

COMPONENTS: Final[dict[str, frozenset[str]]] = {
    tag: _words(f"{_COMMON} {properties}")
    for tag, properties in {
        "div": "text icon fields extra width",
        "markdown": "content i18n_content text_size text_align icon",
        "hr": "",
        "img": "img_key i18n_img_key alt title corner_radius scale_type size transparent preview",
        "img_combination": "combination_mode combination_transparent corner_radius img_list",
        "person": "user_id size show_avatar show_name style",
        "person_list": "persons lines show_name show_avatar size icon drop_invalid_user_id",
        "chart": "chart_spec aspect_ratio color_theme preview height",
        "table": "page_size row_height row_max_height freeze_first_column header_style columns rows",
        "column_set": f"flex_mode background_style action columns {_BOX}",
        "column": f"width weight background_style elements action {_BOX}",
        "form": f"name elements confirm {_BOX}",
        "interactive_container": (
            f"width height background_style has_border border_color corner_radius behaviors disabled confirm "
            f"hover_tips disabled_tips name elements {_BOX}"
        ),
        "collapsible_panel": f"expanded header border background_color elements {_BOX}",
        "button": f"type size text icon hover_tips disabled_tips form_action_type {_FIELD}",
        "input": (
            f"placeholder default_value i18n_default_value max_length input_type rows auto_resize max_rows "
            f"show_icon label label_position {_FIELD}"
        ),
        "select_static": f"type placeholder options initial_option initial_index {_FIELD}",
        "multi_select_static": f"type placeholder options selected_values {_FIELD}",
        "select_person": f"type placeholder options initial_option {_FIELD}",
        "multi_select_person": f"type placeholder options selected_values {_FIELD}",
        "date_picker": f"placeholder initial_date value {_FIELD}",
        "picker_time": f"placeholder initial_time value {_FIELD}",
        "picker_datetime": f"placeholder initial_datetime value {_FIELD}",
        "checker": (
            "name checked text overall_checkable button_area checked_style behaviors disabled padding "
            "confirm hover_tips disabled_tips"
        ),
        "overflow": f"options value {_FIELD}",
        "select_img": f"style multi_select layout can_preview aspect_ratio options value {_FIELD}",
    }.items()
}

INTERACTIVE: Final = _words(
    "button input select_static multi_select_static select_person multi_select_person date_picker "
    "picker_time picker_datetime checker overflow select_img"
)
CONTAINERS: Final = _words("column_set form interactive_container collapsible_panel")
ROOT_ONLY: Final = frozenset({"form", "table"})

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "markdown": ("content",),
    "img": ("img_key", "alt"),
    "img_combination": ("combination_mode", "img_list"),
    "person": ("user_id",),
    "person_list": ("persons",),
    "chart": ("chart_spec",),
    "table": ("columns", "rows"),
    "column_set": ("columns",),
    "form": ("name", "elements"),
    "interactive_container": ("elements",),
    "collapsible_panel": ("elements",),
    "button": ("text",),
    "select_static": ("options",),
    "multi_select_static": ("options",),
    "overflow": ("options",),
    "select_img": ("options",),
}

WORDS: Final[dict[tuple[str, str], frozenset[str]]] = {
    (tag, name): _words(words)
    for (tag, name), words in {
        ("button", "type"): (
            "default primary danger text primary_text danger_text primary_filled danger_filled laser"
        ),
        ("button", "size"): "tiny small medium large",
        ("button", "form_action_type"): "submit reset",
        ("input", "input_type"): "text multiline_text password",
        ("input", "label_position"): "top left",
        ("select_static", "type"): "default text",
        ("multi_select_static", "type"): "default text",
        ("select_person", "type"): "default text",
        ("multi_select_person", "type"): "default text",
        ("column_set", "flex_mode"): "none stretch flow bisect trisect",
        ("chart", "aspect_ratio"): "1:1 2:1 4:3 16:9",
        ("chart", "color_theme"): "brand rainbow complementary converse primary",
        ("img", "scale_type"): "crop_center crop_top fit_horizontal",
        ("img_combination", "combination_mode"): "double triple bisect trisect",
        ("markdown", "text_align"): "left center right",
        ("person_list", "size"): "extra_small small medium large",
    }.items()
}
"""Properties that take one of a few words."""

IMAGES: Final = {"double": 2, "triple": 3, "bisect": 6, "trisect": 9}
"""How many pictures a combination shows at most."""

TABLE_TYPES: Final = _words("text lark_md options number persons date markdown")
INITIAL_FORMATS: Final = {
    "initial_date": r"\d{4}-\d{2}-\d{2}",
    "initial_time": r"\d{2}:\d{2}",
    "initial_datetime": r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}",
}
REMOVED: Final = _words("note action i18n_elements ud_icon")
"""Tags of card JSON 1.0 that 2.0 refuses (sub-error 200861)."""
