# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fat binaries: what nvcc 13.0 made, what is built by the same layout, and what only looks like one."""

from __future__ import annotations

import base64
import io
import lzma
import struct

import pytest
from locking.fatbin import MAGIC, Code, Reader, containers, usual

#: The section .nv_fatbin of an object file with one empty kernel, made by nvcc 13.0.88 (NVIDIA's wheels) with
#: -gencode for sm_75, compute_80, sm_90a and sm_100f, as base85 of xz.
NVCC = base64.b85decode(
    "{Wp48S^xk9=GL@E0stWa8~^|S5YJf5;4fzfHC+HGJ4UNtAU)@jLpf+Ra<~yHMlpx$;=_NEkt=~7_4tBKV(uXjh=JRYM9e~+6$Nrt1IOhu&^jVm"
    "lukwBAH-"
    "+U!DmT`9ALdM;t5n$LsJ+T3DQ!yidWS1vwur9$B*2R(oSU}K^9B{i`BjgCg!U)HPd&TsI+YWo?Wsd!787K4N>zmLGs@dPsJhRi4N3d94O%RY&X"
    "lWqUFK1I*0`@$dI01O&lro(C8bo)%_aBm20Y6--8`@9HkYzq+~zkmK$o#HGe?exs1|!t;bIfSsdFBUF}w$KBc8NFUo;21pdzWD?Q!)*q{+%8_%"
    "N~6qE?6aWa1DC6~WZl>2Gd?o&sTr6)}sXhubkZ5r62gbp>)gZ~WgT+_R`?@4mV9RWy6D4uH=?U}SbE`Ka5f;(`9ZyonP1My&l_$X7pm8RIk9Z?"
    "*FW*s;;zEM{+%sj87vMJ$}TmutmE|CtZ5ld@Va|L_bi-jVmIeO80CCp%hxfx*-%sV#yT!Gfdskl}jTYQ-)uER|S-"
    "2NNAoxWHD+`dhKP4&}`YBWYe%zf&)0cZd|fBh1MU4o>G1B$OgFCX1fD>=)N0~M35c%Ez5`Kf*~^EKs(X!Wc!FDSvB`T6|&)lMN4*vV<|>a{*w5"
    "$wBl`!F}fAVp=64yzN*V+qd=0z4*hsG2(xgQ?}JdY{j2tWe~8^H#*z6&cSe?q;|fL`+5xkdO}&uk>zdg3U<ZLoN%q`KC)SBF^<-"
    "GjB!rzK?8Iq(eH-6gbZq9VipKrOwf_bM!?n%nhx#3cN*z`=<|c@+<v@-"
    "jWHN?#MlERCPXD8Jr*M;Ji4)?6?fsaBGFLi=w2=jw?iM1AcW=MO;i1BaoJ!5T|oDsb+d!Rp85(ExLQeAA}Jb9A=Qc(-&VZcQ--"
    "&A^rpnDFkuSq5Twj>)n>|%zk(Qj<v;*7w}0KMZhmyTUeNFcM7QLjI4tE{E%k)ZXm{{5YC{Z)>R<u0EPgRf5@vRSoUA@ogMZ}@GA(W(3w~*S*LE"
    "v>F6qraiI<;6LvN>1^&dazsK+$#<;s2)!nrUm5gas%SQ))4<H6<Ws1`kK3<RE5{(iDaNXSV2mSn&WRPZ-JzGs@Ef+SPeExK%7KQ@!I#yolwm#y"
    "teUw0D*Fp6{vPx4C%;IMil<OV<hN!K{kOTeY#{b=!*gf+11zFeA9FxlokTaWNm(p!(@x%1rpgA5G=%(p-"
    ";b$2zGz$~;%MI_=3ezW`Qa!O!=5l$F^zVSV4MW-ywHepl)<)4EIEvFj;YTEa06-"
    "fk|L}e<#^Q98BIH;Y3XFYK#qg}6&Nn*MvNRiKAV$)Y{P~#b^c!i8KbV4525$72s^uMo!^?qoj!4@(-"
    "!XhW1`fkrc{{{4;zv4GW)XV@C){kI@qF5XdaD|?LNOB!2JP`S_Q$%vAxkD8n+D3i-mhXRKOD_v!=uK{B~5DmL9XC-"
    "c4%ge_inMnG$`Qw#NTshS#mhOIq%HYlVbp^xNbyhZ8KKxFudH_VZxebb+H86?2{|cv|hI5w4}yFN#3N0R~!)ORxD@wzdzEK5|c~0zcoEU&<VMk"
    "1-SPEh5m|#lZ`sGXK7gy!$$gle6>#AMPI_Z*XM1!pBS*cwB4jX0a>*D`GM!Fz*&iu1ptTe92HYUF<SrEeks_rJrP%JM5{$}T?D5BTuEuY8|OF-"
    "h_|)zcO7{G_d)-hFV&SSWo5YtIx-Xz$F=b`V@c~#KfN22CntC&u<Ri+iff;?eSdO+KEnW39az0v-+O%yk|`&FIhCIPdrx?XX`x>M-"
    "*DcL{xsSDiEG+pc7u?W+bra;Pzbr*ch{_`+gc4rlYm(<*Xbu^khia1MVi}|VRjztfD&_nEklX=7jL^k0Tb}DRcUfg8d>Id=Ct3&)I)kxA8&NbK"
    "qG>LP)Ot{0rnS={L1Skc1=<<(I3lSHZvNfZuhj%CX1hq1;5)epV{Jrnh84Ixp4h&Ca1gyhL5y08me%eGI^KvO`E$Vr1Xy9N8dYU&zYr*F8$o{K"
    "~`@$g3g{%bQCKGhruSOIH_@kBOTz#%KTp)2Ud>MdFW^W{HM}L&=GKfpN=-M%xu<#5-HM~iArX#ud|tDb-"
    "D~gal0k`iRe7g=gI7tYfo^mVR%zqTw0Wu08z)RuaLmV?DGXX8eB|Vv{}oYJk}vQK_+X8?p<%_EDCC}ox~rdFdt@@POFPRh$p=b2OHE|F7)M9l>"
    "gdxihNZU2e}#UvL>!r|J@8T>_jY-yrtHlNOU!M9acSLQh*OPfn*Jdb?=EyMh=!>R|JdPKfM@bvaDJy;u)%**r`7!0k~hG&x|DV1?r_^O$-"
    "Jae7%roJcc??I`bt1P>lb}hB|Qe^it36&a<MMW<fXH=CihUWF}7<PyrwvyboD%%<aXtMids*sX?O^00000CZ0py7=2%~00Ges=w1K-"
    "ThH#$vBYQl0ssI200dcD"
)
HELD = (
    Code("7.5"),
    Code("8.0+PTX", (9, 0)),
    Code("9.0a"),
    Code("10.0f"),
)
PTX, MACHINE = 1, 2


def entry(kind, architecture, size=40, header=64, isa=(7, 7), flags=0x11):
    head = struct.pack("<HHIQIIHHI8xQ", kind, 0x0101, header, size, size, 0, isa[1], isa[0], architecture, flags)
    return head.ljust(header, b"\0") + bytes(size)


def container(*entries):
    body = b"".join(entries)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body


def read(data):
    return list(containers(io.BytesIO(data)))


def names(data):
    return [[code.architecture for code in one] for one in read(data)]


def test_what_nvcc_makes():
    assert read(lzma.decompress(NVCC)) == [HELD]


def test_in_a_library_between_other_things():
    fatbin = lzma.decompress(NVCC)
    fatbin += bytes(-len(fatbin) % 8)
    assert read(b"\x7fELF" + bytes(4092) + fatbin + fatbin + b"text".ljust(64)) == [HELD, HELD]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([entry(MACHINE, 35), entry(PTX, 70)], ["3.5", "7.0+PTX"]),
        ([entry(MACHINE, 80, size=8), entry(MACHINE, 86, header=112)], ["8.0", "8.6"]),
        ([entry(MACHINE, 90, flags=0x100011), entry(PTX, 120, flags=0x208011)], ["9.0a", "12.0f+PTX"]),
        # Other kinds are code for nobody: they are passed by.
        ([entry(8, 86), entry(MACHINE, 86)], ["8.6"]),
        ([entry(MACHINE, 103)], ["10.3"]),
    ],
)
def test_entries(entries, expected):
    assert names(container(*entries)) == [expected]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no library",
        MAGIC,
        MAGIC * 100,
        bytes(8) + MAGIC + b"\x01\x00\x10\x00" + bytes(200),
        struct.pack("<IHHQ", 0xBA55ED50, 2, 16, 104) + entry(MACHINE, 80),
        struct.pack("<IHHQ", 0xBA55ED50, 1, 24, 104) + entry(MACHINE, 80),
        container(entry(MACHINE, 4)),
        container(entry(MACHINE, 80, header=60000)),
        # Not where the linker would put one.
        b"1234" + container(entry(MACHINE, 80)),
    ],
)
def test_what_only_looks_like_one(data):
    assert read(data) == []


def test_a_constant_in_a_program_does_not_hide_what_follows():
    assert names(MAGIC + bytes(12) + container(entry(MACHINE, 80))) == [["8.0"]]


def test_one_that_is_cut_off():
    whole = container(entry(MACHINE, 80), entry(MACHINE, 86))
    assert names(whole[:-30]) == [["8.0", "8.6"]]
    assert names(whole[:-50]) == [["8.0"]]
    assert names(whole[:-110]) == [["8.0"]]


def test_a_magic_number_over_two_parts(monkeypatch):
    monkeypatch.setattr("locking.fatbin.PART", 16)
    for shift in range(0, 64, 8):
        assert names(bytes(shift) + container(entry(MACHINE, 80))) == [["8.0"]]


def test_large_code_is_passed_without_being_kept():
    class Endless(io.RawIOBase):
        """A container whose one entry has a gigabyte."""

        def __init__(self):
            self.head = container(entry(MACHINE, 80, size=0))
            self.head = self.head.replace(struct.pack("<Q", 64), struct.pack("<Q", 64 + (1 << 24)), 1)
            self.head = self.head[:24] + struct.pack("<Q", 1 << 24) + self.head[32:]
            self.left = 1 << 24
            self.largest = 0

        def read(self, size=-1):
            self.largest = max(self.largest, size)
            if self.head:
                head, self.head = self.head, b""
                return head
            part = min(size, self.left)
            self.left -= part
            return bytes(part)

    stream = Endless()
    assert [[code.architecture for code in one] for one in containers(stream)] == [["8.0"]]
    assert (stream.left, stream.largest <= 1 << 21) == (0, True)


def test_usual_is_what_most_hold():
    wide = (Code("7.0"), Code("8.0"), Code("8.0+PTX"))
    assert usual([(Code("8.0"),), wide, wide]) == ("7.0", "8.0", "8.0+PTX")
    assert usual([(Code("10.0"), Code("9.0"), Code("8.0+PTX"), Code("8.0"))]) == ("8.0", "8.0+PTX", "9.0", "10.0")
    assert usual([(), ()]) == ()
    assert usual([]) == ()


def test_the_reader_looks_ahead_and_passes():
    reader = Reader(io.BytesIO(b"0123456789"))
    assert (reader.peek(3), reader.at) == (b"012", 0)
    reader.skip(4)
    assert (reader.peek(3), reader.at) == (b"456", 4)
    reader.skip(100)
    assert (reader.peek(3), reader.at) == (b"", 10)
