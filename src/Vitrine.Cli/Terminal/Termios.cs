using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Vitrine.Cli.Terminal;

/// <summary>struct termios of Linux' C libraries on x86-64 and Arm64: 60 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Termios
{
    // <bits/termios-c_iflag.h>, c_cflag.h, c_lflag.h, c_cc.h
    private const uint BRKINT = 0x0002;
    private const uint PARMRK = 0x0008;
    private const uint IGNBRK = 0x0001;
    private const uint ISTRIP = 0x0020;
    private const uint INLCR = 0x0040;
    private const uint IGNCR = 0x0080;
    private const uint ICRNL = 0x0100;
    private const uint IXON = 0x0400;
    private const uint CSIZE = 0x0030;
    private const uint CS8 = 0x0030;
    private const uint PARENB = 0x0100;
    private const uint ISIG = 0x0001;
    private const uint ICANON = 0x0002;
    private const uint ECHO = 0x0008;
    private const uint ECHONL = 0x0040;
    private const uint IEXTEN = 0x8000;
    private const int VTIME = 5;
    private const int VMIN = 6;

    /// <summary>Input modes.</summary>
    public uint c_iflag;

    /// <summary>Output modes.</summary>
    public uint c_oflag;

    /// <summary>Control modes.</summary>
    public uint c_cflag;

    /// <summary>Local modes.</summary>
    public uint c_lflag;

    /// <summary>Line discipline.</summary>
    public byte c_line;

    /// <summary>Control characters.</summary>
    public ControlCharacters c_cc;

    /// <summary>Input speed.</summary>
    public uint c_ispeed;

    /// <summary>Output speed.</summary>
    public uint c_ospeed;

    /// <summary>
    /// Raw mode as cfmakeraw makes it, but with output processing as it was: a guest's line ends already have their
    /// carriage return, and messages of ours should look right too.
    /// </summary>
    public readonly Termios ToRaw()
    {
        Termios raw = this;
        raw.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
        raw.c_lflag &= ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
        raw.c_cflag = (raw.c_cflag & ~(CSIZE | PARENB)) | CS8;
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        return raw;
    }

    /// <summary>NCCS control characters.</summary>
    [InlineArray(32)]
    internal struct ControlCharacters
    {
        private byte _first;
    }
}
