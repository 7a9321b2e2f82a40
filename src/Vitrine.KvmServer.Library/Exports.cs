using System.Runtime.InteropServices;

namespace Vitrine.KvmServer.Library;

/// <summary>
/// What the hook calls (native/kvm-hook/core.h): results are at least 0, or the negative of an errno. Nothing that goes wrong here reaches the client but as
/// EIO.
/// </summary>
internal static unsafe class Exports
{
    // SAFETY: the addresses are the server's, and a client's only for the kernel to read and write.

    /// <summary>open(2) of /dev/kvm. The descriptor is closed at exec.</summary>
    [UnmanagedCallersOnly(EntryPoint = "vitrine_kvm_open")]
    public static int Open()
    {
        try
        {
            return ServedHost.Current.Open();
        }
        catch (Exception defect)
        {
            return ServedHost.Report(defect);
        }
    }

    /// <summary>The object behind a file; 0 for none.</summary>
    /// <param name="device">st_dev.</param>
    /// <param name="inode">st_ino.</param>
    [UnmanagedCallersOnly(EntryPoint = "vitrine_kvm_find")]
    public static ulong Find(ulong device, ulong inode)
    {
        try
        {
            return ServedHost.Current.Find(device, inode);
        }
        catch (Exception defect)
        {
            _ = ServedHost.Report(defect);
            return 0;
        }
    }

    /// <summary>ioctl(2) on an object.</summary>
    [UnmanagedCallersOnly(EntryPoint = "vitrine_kvm_ioctl")]
    public static long Ioctl(ulong target, ulong request, ulong argument)
    {
        try
        {
            return ServedHost.Current.Call(target, (uint)request, argument);
        }
        catch (Exception defect)
        {
            return ServedHost.Report(defect);
        }
    }

    /// <summary>What a signal handler writes to while a vCPU runs; null for other objects.</summary>
    [UnmanagedCallersOnly(EntryPoint = "vitrine_kvm_attention")]
    public static nint Attention(ulong target)
    {
        try
        {
            return ServedHost.Current.Attention(target);
        }
        catch (Exception defect)
        {
            _ = ServedHost.Report(defect);
            return 0;
        }
    }

    /// <summary>A descriptor of ours was closed.</summary>
    [UnmanagedCallersOnly(EntryPoint = "vitrine_kvm_closed")]
    public static void Closed()
    {
        try
        {
            ServedHost.Current.CollectClosed();
        }
        catch (Exception defect)
        {
            _ = ServedHost.Report(defect);
        }
    }

    /// <summary>The process is about to end.</summary>
    [UnmanagedCallersOnly(EntryPoint = "vitrine_kvm_end")]
    public static void End()
    {
        try
        {
            ServedHost.End();
        }
        catch (Exception defect)
        {
            _ = ServedHost.Report(defect);
        }
    }
}
