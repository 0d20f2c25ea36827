"""The weak signals, each with its points, its words and why: data, versioned, so that a doubt says by which table it was raised.

No text sets any of these figures: they are our configuration, checked on a labelled set (`zhaoliang attendance attack-set`,
held out from the seeds they were chosen on). A change of a figure is a new version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Signal:
    """Points out of 100, the word on the pages, and why it tells something (and what it may honestly be)."""

    points: int
    label: str
    why: str


@dataclass(frozen=True)
class Weights:
    """One version of the table and the measures around it."""

    version: str
    signals: Mapping[str, Signal]
    # Doubt of a phone about its own place that is believed, in metres: a claim of kilometres must not excuse everything.
    believed_accuracy_m: int = 1_500
    # From here on a place is coarse (network, not satellites) and repeats honestly.
    coarse_m: int = 30
    # Faster than this between two sign-ins is impossible: by road, or by rail after the way to the station and the wait.
    road_mps: float = 40.0
    rail_mps: float = 110.0
    rail_overhead_s: float = 1_800.0
    # Two sign-ins with one phone within this were made by one hand, or by two who stand side by side.
    in_a_row_s: int = 120
    # Clocks: what a busy phone may be off between two readings of its own clock.
    clock_noise_s: int = 60
    # A class in which so many have no good place sits in a cellar: then it says little of one of them.
    cellar_share: float = 0.4


WEIGHTS = Weights(
    "2026-11.4",
    MappingProxyType(
        {
            "code_late": Signal(15, "课堂码换过后才扫到", "拍照转发要时间；网络慢、坐得远也会慢。"),
            "code_stale": Signal(50, "扫的是早已换掉的课堂码", "截屏或录屏后再扫。"),
            "code_old": Signal(80, "扫的是几分钟以前的课堂码", "截屏存下的码。"),
            "code_future": Signal(70, "课堂码比扫码时间还新", "手机时间被改过，或码是后来补的。"),
            "relay": Signal(42, "扫了码，人不像在教室", "码可能由在场的人转发；没有定位的手机也会这样。"),
            "relay_soon": Signal(24, "扫了码，没有可用的定位", "转发得快的码；没有定位的手机也会这样。"),
            "outside": Signal(34, "定位在教学点范围以外", "人不在教室；定位差的手机偶尔会偏出。"),
            "far": Signal(60, "定位离教学点很远", "超出范围一公里以上，定位误差解释不了。"),
            "no_place": Signal(8, "没有定位", "不给定位；地下室和老手机也会这样。"),
            "place_withheld": Signal(10, "平时有定位，这次没有", "关掉了定位；偶尔定位失败也会这样。"),
            "perfect": Signal(34, "定位精度好得不真实", "手机定位误差不会是 0 或 1 米，模拟位置常这样报。"),
            "centre": Signal(24, "定位正好是教学点登记坐标", "照着登记坐标填的位置；恰好坐在中心的人很少。"),
            "same_place": Signal(40, "定位与别人完全一样", "精确到小数后六位相同，像同一个填入的位置。"),
            "repeated_place": Signal(20, "定位与自己前几次完全一样", "卫星定位每次都有抖动；缓存的位置也会重复。"),
            "coarse_repeat": Signal(4, "粗略定位重复", "基站和无线网定位本来就会重复。"),
            "mock": Signal(80, "手机报告使用了模拟位置", "手机系统自己说位置是模拟的。"),
            "travel": Signal(60, "两次签到之间来不及赶到", "按最快的路也到不了。"),
            "two_classes": Signal(70, "同一时间在两个班签到", "一个人不能同时在两处上课。"),
            "shared_two": Signal(18, "两个人用一部手机", "代签；家人合用一部手机也会这样。"),
            "shared_three": Signal(50, "三个人用一部手机", "合用一部手机的家人很少同班三人。"),
            "shared_many": Signal(75, "一部手机为多人签到", "代签。"),
            "family": Signal(-12, "一向合用这部手机", "从开班起就是这两人合用，本人没有别的手机。"),
            "foreign_device": Signal(22, "用了同学的手机，平时用自己的", "代签时常见；手机没电时也会借用一次。"),
            "in_a_row": Signal(
                14, "借的手机，接在同学后面一两分钟内签", "一只手接连签两个人；坐在一起借手机也会这样。"
            ),
            "foreign_again": Signal(30, "又用了这位同学的手机", "没电不会总在同一个人身上发生。"),
            "device_places": Signal(60, "同一部手机同时在两个教学点", "账号或手机标识被复制。"),
            "clock_moved": Signal(60, "打开页面以后手机时间被改过", "改时间躲迟到；时间对时也会跳几秒。"),
            "order": Signal(34, "签到的先后与手机记的次序不符", "补造的签到；清过浏览器数据的手机会从头数。"),
            "twin": Signal(50, "与以前的一次签到用了同一个次序号", "重发的签到，坐标和时间换过。"),
            "replay": Signal(60, "与以前的一次签到内容相同", "重发了录下来的签到。"),
            "uploaded_late": Signal(6, "签到后较晚才上传", "没有网络；也给造假留了时间。"),
            "uploaded_hours": Signal(14, "签到几小时后才上传", "比没有网络的通常情况更久。"),
            "unsigned": Signal(18, "存在手机里的签到没有手机签名", "存下以后可能改过；手机清过数据也会这样。"),
            "staff_all": Signal(55, "半个班以上由老师点名", "点名应是个别人签不了时的办法。"),
            "staff_many": Signal(10, "三成以上由老师点名", "读卡器故障时也会这样。"),
            "staff_burst": Signal(50, "刷卡、扫券一个接一个不到两秒", "没有人排队能这么快，像拿着一叠卡。"),
            "face_low": Signal(36, "人脸比对没有达到阈值", "光线暗、戴口罩、多年前的照片也会这样；单凭它不算可疑。"),
            "no_sign_out": Signal(6, "没有签退", "忘记的人不少。"),
            "no_sign_outs": Signal(45, "多次签到后不签退", "签到就走。"),
        }
    ),
)
