using Iced.Intel;

namespace Vitrine.Tests.Software.Sse;

/// <summary>The instructions of MMX to SSE4.2, AES-NI, PCLMULQDQ, FXSR and XSAVE that compute nothing in floating point.</summary>
internal static class OwnedCodes
{
    private static readonly HashSet<CpuidFeature> _features =
    [
        CpuidFeature.MMX, CpuidFeature.SSE, CpuidFeature.SSE2, CpuidFeature.SSE3, CpuidFeature.SSSE3, CpuidFeature.SSE4_1,
        CpuidFeature.SSE4_2, CpuidFeature.AES, CpuidFeature.PCLMULQDQ, CpuidFeature.FXSR, CpuidFeature.XSAVE,
        CpuidFeature.XSAVEOPT, CpuidFeature.CLFSH, CpuidFeature.PREFETCHW,
    ];

    private static readonly HashSet<Mnemonic> _floatingPoint =
    [
        Mnemonic.Fisttp,
        Mnemonic.Addps, Mnemonic.Addpd, Mnemonic.Addss, Mnemonic.Addsd, Mnemonic.Subps, Mnemonic.Subpd, Mnemonic.Subss, Mnemonic.Subsd,
        Mnemonic.Mulps, Mnemonic.Mulpd, Mnemonic.Mulss, Mnemonic.Mulsd, Mnemonic.Divps, Mnemonic.Divpd, Mnemonic.Divss, Mnemonic.Divsd,
        Mnemonic.Minps, Mnemonic.Minpd, Mnemonic.Minss, Mnemonic.Minsd, Mnemonic.Maxps, Mnemonic.Maxpd, Mnemonic.Maxss, Mnemonic.Maxsd,
        Mnemonic.Sqrtps, Mnemonic.Sqrtpd, Mnemonic.Sqrtss, Mnemonic.Sqrtsd,
        Mnemonic.Rsqrtps, Mnemonic.Rsqrtss, Mnemonic.Rcpps, Mnemonic.Rcpss,
        Mnemonic.Ucomiss, Mnemonic.Ucomisd, Mnemonic.Comiss, Mnemonic.Comisd,
        Mnemonic.Cmpps, Mnemonic.Cmppd, Mnemonic.Cmpss, Mnemonic.Cmpsd,
        Mnemonic.Cvtpi2ps, Mnemonic.Cvtpi2pd, Mnemonic.Cvtsi2ss, Mnemonic.Cvtsi2sd, Mnemonic.Cvttps2pi, Mnemonic.Cvttpd2pi,
        Mnemonic.Cvttss2si, Mnemonic.Cvttsd2si, Mnemonic.Cvtps2pi, Mnemonic.Cvtpd2pi, Mnemonic.Cvtss2si, Mnemonic.Cvtsd2si,
        Mnemonic.Cvtps2pd, Mnemonic.Cvtpd2ps, Mnemonic.Cvtss2sd, Mnemonic.Cvtsd2ss, Mnemonic.Cvtdq2ps, Mnemonic.Cvtps2dq,
        Mnemonic.Cvttps2dq, Mnemonic.Cvttpd2dq, Mnemonic.Cvtdq2pd, Mnemonic.Cvtpd2dq,
        Mnemonic.Haddps, Mnemonic.Haddpd, Mnemonic.Hsubps, Mnemonic.Hsubpd, Mnemonic.Addsubps, Mnemonic.Addsubpd,
        Mnemonic.Dpps, Mnemonic.Dppd, Mnemonic.Roundps, Mnemonic.Roundpd, Mnemonic.Roundss, Mnemonic.Roundsd,
    ];

    /// <summary>System instructions, which stand with the control registers.</summary>
    private static readonly HashSet<Mnemonic> _system = [Mnemonic.Xgetbv, Mnemonic.Xsetbv];

    /// <summary>All of them.</summary>
    public static IEnumerable<Code> All => Enum.GetValues<Code>().Where(IsOwned);

    private static bool IsOwned(Code code)
    {
        OpCodeInfo info = code.ToOpCode();
        return info.IsInstruction
            && info.Encoding == EncodingKind.Legacy
            && code.CpuidFeatures().Any(_features.Contains)
            && !(code.Mnemonic() == Mnemonic.Cmpsd && info.OpCount == 2)
            && !_floatingPoint.Contains(code.Mnemonic())
            && !_system.Contains(code.Mnemonic());
    }
}
