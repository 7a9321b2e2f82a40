namespace Vitrine.X86.State;

/// <summary>Segment register numbers: encoding order for the first six.</summary>
public static class Seg
{
    /// <summary>ES.</summary>
    public const int Es = 0;

    /// <summary>CS.</summary>
    public const int Cs = 1;

    /// <summary>SS.</summary>
    public const int Ss = 2;

    /// <summary>DS.</summary>
    public const int Ds = 3;

    /// <summary>FS.</summary>
    public const int Fs = 4;

    /// <summary>GS.</summary>
    public const int Gs = 5;

    /// <summary>Task register.</summary>
    public const int Tr = 6;

    /// <summary>Local descriptor table register.</summary>
    public const int Ldtr = 7;

    /// <summary>How many there are.</summary>
    public const int Count = 8;
}
