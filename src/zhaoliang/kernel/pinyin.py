"""Sort keys for Chinese text: the embedded database has no ICU collation, so the order is stored beside the text."""

from __future__ import annotations

import unicodedata

from pypinyin import Style, lazy_pinyin, load_phrases_dict

# Place names whose reading differs from the everyday one.
load_phrases_dict(
    {
        "六安": [["lù"], ["ān"]],
        "六合": [["lù"], ["hé"]],
        "单县": [["shàn"], ["xiàn"]],
        "东阿": [["dōng"], ["ē"]],
        "乐亭": [["lào"], ["tíng"]],
        "浚县": [["xùn"], ["xiàn"]],
        "铅山": [["yán"], ["shān"]],
        "莘县": [["shēn"], ["xiàn"]],
        "繁峙": [["fán"], ["shì"]],
        "洪洞": [["hóng"], ["tóng"]],
        "长子县": [["zhǎng"], ["zǐ"], ["xiàn"]],
        "任丘": [["rén"], ["qiū"]],
        "尉犁": [["yù"], ["lí"]],
        "大埔": [["dà"], ["bù"]],
        "番禺": [["pān"], ["yú"]],
        "荥经": [["yíng"], ["jīng"]],
        "涡阳": [["guō"], ["yáng"]],
    }
)


def pinyin_key(text: str) -> str:
    """A key whose plain byte order is the Chinese dictionary order: syllables with tone digits, separated by spaces."""
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    return " ".join(lazy_pinyin(plain, style=Style.TONE3, neutral_tone_with_five=True, errors="default"))
